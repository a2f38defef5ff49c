#include "src/reel-sim/faults/worker_process.hpp"

#include "actors/worker/store_trouble.hpp"
#include "runtime/limits.hpp"

namespace reel::faultsim {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t renewals_kept = 8;
constexpr ms lease_margin = limits::renewal_answer_max, put_deadline = 60s, put_retry = 500ms, store_patience = 900s;
constexpr ms end_deadline = 5s, end_pause = 500ms;

} // namespace

ns step_time(const batch_key& key, std::size_t together) {
  const ns one = key.model.value == "light" ? 120ms : 400ms;
  return one * key.width / 64 * static_cast<std::int64_t>(6 + 4 * together) / 10;
}

sha256_digest digest_of(const job_id& id, std::uint32_t fence, std::uint64_t what) {
  std::uint64_t seed = fence;
  for (auto b : id.bytes) seed = seed * 131 + b;
  random_stream r{seed ^ what << 32, ""};
  sha256_digest d;
  for (std::size_t i = 0; i < d.bytes.size(); i += 8) {
    const auto word = r.next();
    std::memcpy(d.bytes.data() + i, &word, 8);
  }
  return d;
}

worker_process::worker_process(event_queue& events, worker_wiring wiring) : events_{events}, w_{std::move(wiring)} {
  node_.start(now());
  after(w_.loading, step::local, [this] {
    w_.ready({w_.id, {{"heavy"}, {"light"}}, "gpu", 80'000'000'000, {{"heavy"}, {"light"}}});
  });
  after(1s, step::timer, [this] { on_second(); });
}

/// A worker without its node is of no use.
void worker_process::on_second() {
  if (node_.judge(now()) == peer_state::down) return w_.exit();
  w_.alive({w_.id, progress_, 0});
  for (auto& [id, b] : batches_) lost_lease(b);
  after(1s, step::timer, [this] { on_second(); });
}

// ---------------------------------------------------------------- batches and their leases

void worker_process::run(const run_batch& m) {
  if (m.jobs.empty() || batches_.contains(m.batch)) return;
  auto& b = batches_[m.batch];
  b.run = m;
  b.key = key_of(m.jobs.front().params);
  b.started_at = now();
  b.lease_until = b.started_at + m.lease_ttl - lease_margin;
  b.step = m.jobs.front().saved.steps;
  b.end.batch = m.batch;
  b.end.worker = w_.id;
  order_.push_back(m.batch);
  begin_next();
}

void worker_process::renew(const renew_lease& m) {
  auto found = batches_.find(m.batch);
  if (found == batches_.end() || lost_lease(found->second)) return;
  auto& b = found->second;
  auto answered = std::ranges::find(b.renewals, m.acknowledged, &std::pair<std::uint32_t, instant>::first);
  if (answered != b.renewals.end())
    b.lease_until = std::max(b.lease_until, answered->second + b.run.lease_ttl - lease_margin);
  std::erase_if(b.renewals, [&m](const auto& r) { return r.first == m.number; });
  if (b.renewals.size() == renewals_kept) b.renewals.pop_front();
  b.renewals.emplace_back(m.number, now());
}

bool worker_process::lost_lease(batch& b) {
  if (b.ended || now() < b.lease_until) return false;
  b.end.code = errc::lease_expired;
  b.end.results.clear();
  b.uploads.clear();
  end(b);
  return true;
}

void worker_process::stop(const stop_jobs& m) {
  auto found = batches_.find(m.batch);
  if (found == batches_.end()) return;
  auto& b = found->second;
  b.stopped.insert(m.jobs.begin(), m.jobs.end());
  if (m.jobs.empty()) b.stop_all = true, b.keep = m.keep;
  if (b.stop_all && !b.begun && !b.ended) leave_early(b);
}

bool worker_process::holds(const batch_id& id, ms longer) const {
  auto found = batches_.find(id);
  return found != batches_.end() && !found->second.ended && found->second.lease_until > now() + longer;
}

// ---------------------------------------------------------------- computing

std::size_t worker_process::jobs_computed() const {
  std::size_t jobs = 0;
  for (const auto& [id, b] : batches_)
    if (b.begun && !b.rendered && !b.ended) jobs += b.run.jobs.size();
  return jobs;
}

/// One after the other, but those that join.
void worker_process::begin_next() {
  for (const auto& id : order_) {
    auto& b = batches_.at(id);
    if (b.begun || b.ended) continue;
    auto computing = std::ranges::find_if(order_, [this](const batch_id& o) {
      return batches_.at(o).begun && !batches_.at(o).rendered && !batches_.at(o).ended;
    });
    if (computing == order_.end())
      begin(b);
    else if (b.run.join && batches_.at(*computing).key == b.key)
      begin(b);
  }
}

void worker_process::begin(batch& b) {
  b.begun = true;
  b.started_at = now();
  w_.progress({b.run.batch, run_phase::encoding, b.step, b.key.steps});
  schedule_step(b.run.batch);
}

void worker_process::schedule_step(const batch_id& id) {
  auto& b = batches_.at(id);
  const auto together = jobs_computed();
  if (together > b.run.jobs.size()) b.together = std::max(b.together, together);
  after(step_time(b.key, together), step::compute, [this, id] { on_step(id); });
}

void worker_process::on_step(const batch_id& id) {
  auto found = batches_.find(id);
  if (found == batches_.end() || found->second.ended) return;
  auto& b = found->second;
  if (w_.device->hangs_until > events_.now()) {
    ++w_.device->hung;
    return after(w_.device->hangs_until - events_.now(), step::compute, [this, id] { on_step(id); });
  }
  ++progress_;
  ++b.step;
  if (fails_at(b)) return;
  if (lost_lease(b)) return begin_next();
  const bool last = b.step >= b.key.steps; // what only decodes just ends
  if (!last && (b.stop_all || b.stopped.size() == b.run.jobs.size())) return leave_early(b);
  w_.progress({id, run_phase::denoising, b.step, b.key.steps});
  if (!last) return schedule_step(id);
  render(b, errc::ok);
}

/// Dies of a poisoned prompt, or has too little memory.
bool worker_process::fails_at(const batch& b) {
  if (std::ranges::any_of(b.run.jobs, [this](const run_job& j) { return w_.is_poison(j.id); })) {
    w_.exit();
    return true;
  }
  if (std::max(b.together, b.run.jobs.size()) <= w_.device->jobs_most) return false;
  ++w_.device->too_small;
  render(batches_.at(b.run.batch), errc::out_of_memory);
  return true;
}

/// Stopped by somebody: with its work, or without.
void worker_process::leave_early(batch& b) { render(b, b.keep ? errc::preempted : errc::cancelled); }

void worker_process::render(batch& b, errc code) {
  b.rendered = true;
  b.end.together = static_cast<std::uint32_t>(b.together);
  if (code == errc::out_of_memory) {
    b.end.code = code;
    end(b);
    return begin_next();
  }
  for (const auto& job : b.run.jobs) add_result(b, job, b.stopped.contains(job.id) ? errc::cancelled : code);
  b.store_until = now() + store_patience;
  if (b.begun) w_.progress({b.run.batch, run_phase::storing, b.step, b.key.steps});
  const auto id = b.run.batch;
  begin_next();
  upload(id);
}

void worker_process::add_result(batch& b, const run_job& job, errc code) {
  b.end.results.push_back({job.id, job.fence, code, {}, {}, {}});
  auto& result = b.end.results.back();
  auto add = [&](artifact kind) {
    const auto sum = digest_of(job.id, job.fence, static_cast<std::uint64_t>(kind));
    b.uploads.push_back({make_object_key(job.object_prefix, kind, sum), sum, {}});
    return b.uploads.back();
  };
  if (code == errc::ok) result.video = {1000, add(artifact::video).sha256};
  if (code == errc::preempted && b.step > 0) result.saved = {add(artifact::saved_run).key, 1000, b.step};
}

// ---------------------------------------------------------------- files, and the end

void worker_process::upload(const batch_id& id) {
  auto& b = batches_.at(id);
  if (b.ended || lost_lease(b)) return;
  if (b.uploads.empty()) return end(b);
  auto sent = std::exchange(b.uploads, {});
  put_objects m{sent};
  if (!w_.waits_for_files) {
    w_.store(std::move(m), [](const answer&) {});
    return end(b);
  }
  w_.store(std::move(m), [this, id, sent = std::move(sent)](const answer& a) { stored(id, sent, a); });
}

void worker_process::stored(const batch_id& id, const std::vector<object_write>& sent, const answer& a) {
  auto found = batches_.find(id);
  if (found == batches_.end() || found->second.ended) return;
  auto& b = found->second;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const auto code = a.code != errc::ok ? a.code : i < a.put.codes.size() ? a.put.codes[i] : errc::internal;
    if (code == errc::ok) continue;
    const auto key = *parse_object_key(sent[i].key);
    auto result = std::ranges::find(b.end.results, key.job, &job_result::id);
    if (key.kind == artifact::saved_run)
      result->saved = {};
    else if (may_pass(code) && now() < b.store_until)
      b.uploads.push_back(sent[i]);
    else
      result->code = code;
  }
  if (b.uploads.empty()) return upload(id);
  after(put_retry, step::timer, [this, id] {
    if (batches_.contains(id)) upload(id);
  });
}

void worker_process::end(batch& b) {
  b.ended = true;
  b.end.run_ms = static_cast<std::uint64_t>(std::chrono::ceil<ms>(now() - b.started_at).count());
  if (b.end.code != errc::ok) b.end.results.clear();
  tell_end(b.run.batch);
}

void worker_process::tell_end(const batch_id& id) {
  w_.finished(batches_.at(id).end, [this, id] {
    if (batches_.erase(id) == 0) return;
    std::erase(order_, id);
    begin_next();
  });
  after(end_deadline + end_pause, step::timer, [this, id] {
    if (batches_.contains(id)) tell_end(id);
  });
}

} // namespace reel::faultsim
