// The part of the ledger's writing half that accepts jobs, and knows those that were accepted before.
#include "actors/storage/sqlite/transactions.hpp"

#include <sodium.h>

#include "actors/storage/request_codec.hpp"
#include "runtime/limits.hpp"

namespace reel::sqlite {

namespace {

/// Two keys of 2^64 would have to be tried to meet another's.
writer_tables::key_hash hash_of_key(const job_request& r) {
  writer_tables::key_hash hash;
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, hash.size());
  for (std::string_view part :
       {std::string_view{r.tenant.value}, std::string_view{"/"}, std::string_view{r.idempotency_key}})
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(part.data()), part.size());
  crypto_generichash_final(&state, hash.data(), hash.size());
  return hash;
}

bool is_complete(const job_request& r) {
  return !r.id.is_nil() && is_valid_name(r.tenant.value) && r.idempotency_key.size() <= 1024;
}

} // namespace

outcome<accept_answers, errc> transactions::run(const accept_jobs& m) {
  if (m.jobs.size() > limits::accept_jobs_max) return failed{errc::invalid_argument};
  accept_answers all;
  all.answers.reserve(m.jobs.size());
  for (const auto& request : m.jobs) all.answers.push_back(accept_one(request));
  return all;
}

accept_answer transactions::accept_one(const job_request& request) {
  if (!is_complete(request)) return {errc::invalid_argument, request.id};
  const bool keyed = !request.idempotency_key.empty();
  const auto key = keyed ? hash_of_key(request) : writer_tables::key_hash{};
  if (keyed)
    if (auto replay = find_replay(request, key)) return *replay;
  if (!space_.for_accepting) return {errc::no_space, request.id};
  const auto queue = admission_.check(request.tenant, request.cls);
  if (queue == errc::queue_full)
    return {queue, request.id, false, {}, ends_.seconds_for(admission_.unfinished_jobs(), steady_now_)};
  const auto& limits = admission_.limits().of(request.tenant);
  const auto today = days_.today(limits.zone, now_);
  batch_key_.clear();
  stored::encode_batch_key(key_of(request.params), batch_key_);
  const reservation quota{today.number, estimates_.estimate_ms(writer_tables::kind_of(batch_key_))};
  auto exceeded = queue == errc::ok ? quota_kind::none : quota_kind::queued_jobs;
  if (exceeded == quota_kind::none && limits.is_per_day())
    exceeded = exceeded_by(limits, usage_of(request.tenant, today), request.cls, quota.gpu_ms);
  if (exceeded != quota_kind::none)
    return {errc::quota_exceeded, request.id, false, standing_of(request, limits, today, exceeded)};
  if (tables_.job_exists(request.id)) return {errc::conflict, request.id};

  const auto tenant_no = tenant_number(request.tenant);
  const auto no = ++last_.job;
  body_.clear();
  stored::encode_request(request, body_);
  tables_.insert_job(request, no, tenant_no, batch_key_, quota);
  tables_.insert_request(no, body_);
  tables_.insert_accepted_event(no, next_event(event_kind::accepted, job_state::queued, {}), now_);
  if (keyed) tables_.insert_key(no, key, key_now_);
  if (!request.webhook_url.empty()) tables_.insert_webhook(no, request.webhook_url);
  admission_.accepted(request.tenant, request.cls);
  quotas_.change(tenant_no, quota.day, request.cls, reserved(quota.gpu_ms));
  return {errc::ok, request.id, false, standing_of(request, limits, today, quota_kind::none)};
}

std::optional<accept_answer> transactions::find_replay(const job_request& request,
                                                       const writer_tables::key_hash& hash) {
  const auto key = tables_.find_key(hash);
  if (!key) return {};
  if (key->accepted_at <= key_now_ - keys_kept_) {
    tables_.delete_key(key->job_no);
    return {};
  }
  const auto body = tables_.find_request(key->job_no);
  const auto first = body ? stored::decode_request(*body) : failed{errc::corrupt};
  if (!first) return accept_answer{first.error(), request.id};
  if (first->tenant != request.tenant || first->idempotency_key != request.idempotency_key)
    return accept_answer{errc::corrupt, request.id};
  if (first->payload_sha256 != request.payload_sha256) return accept_answer{errc::key_reused, request.id};
  return accept_answer{errc::ok, first->id, true};
}

/// A few with every transaction, so that no single one has to wait for many.
void transactions::forget_old_keys() {
  if (key_now_ < next_forgetting_) return;
  if (tables_.delete_keys_before(key_now_ - keys_kept_) > 0) return;
  next_forgetting_ = key_now_ + std::chrono::seconds{1};
  tables_.date_keys_back(key_now_); // no clock of ours can have written that: it would be in the others' way for ever
  if (key_now_ < next_saving_) return;
  next_saving_ = key_now_ + std::chrono::minutes{1};
  tables_.delete_old_notes(limits::ledger_notes_max);
  tables_.save_counter("key_ms", ms_of(key_now_));
}

} // namespace reel::sqlite
