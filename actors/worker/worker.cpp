#include "actors/worker/worker.hpp"

#include <algorithm>
#include <sodium.h>

#include "runtime/limits.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

using namespace std::chrono_literals;

namespace {

constexpr int exit_without_node = 1;
constexpr int exit_after_internal = 71; ///< the process may be broken; a fresh one is not

/// The store may take the same files a little later.
bool may_pass(errc code) {
  return code == errc::unreachable || code == errc::timeout || code == errc::unavailable || code == errc::queue_full;
}

sha256_digest hash_of(const blob& b) {
  sha256_digest d;
  crypto_hash_sha256(d.bytes.data(), b.data(), b.size());
  return d;
}

} // namespace

worker::worker(interface::pointer self, worker_wiring wiring, worker_options options)
    : self_{self}, wiring_{std::move(wiring)}, options_{options} {}

worker::interface::behavior_type worker::make_behavior() {
  act::tell_after(self_, 1s, self_, second_timeout{});
  return {
      [this](const peer_changed& m) { on_peer_changed(m); },
      [this](const run_batch& m) { return on_run_batch(m); },
      [this](const renew_lease& m) { on_renew_lease(m); },
      [this](const stop_jobs& m) { on_stop_jobs(m); },
      [this](const batch_progress& m) { on_batch_progress(m); },
      [this](batch_rendered& m) { on_batch_rendered(m); },
      [this](second_timeout) { on_second_timeout(); },
      [this](const store_retry_timeout& m) { on_store_retry_timeout(m); },
      [this](const end_repeat_timeout& m) { on_end_repeat_timeout(m); },
  };
}

/// A worker without its node is of no use: the node's end ends it, whatever way it comes.
void worker::on_peer_changed(const peer_changed& m) {
  if (m.state == peer_state::up) act::tell(self_, wiring_.slot, wiring_.ready);
  if (m.state == peer_state::down) wiring_.quit(exit_without_node);
}

done worker::on_run_batch(const run_batch& m) {
  auto [at, inserted] = batches_.try_emplace(m.batch);
  if (!inserted || m.jobs.empty()) return {};
  auto& b = at->second;
  b.started_at = act::now(self_);
  b.lease_ttl = m.lease_ttl;
  b.lease_until = b.started_at + m.lease_ttl - options_.lease_margin;
  b.jobs = m.jobs;
  b.end.batch = m.batch;
  b.end.worker = wiring_.ready.id;
  wiring_.renderer->submit(m);
  return {};
}

void worker::on_renew_lease(const renew_lease& m) {
  if (auto found = batches_.find(m.batch); found != batches_.end())
    found->second.lease_until = act::now(self_) + found->second.lease_ttl - options_.lease_margin;
}

void worker::on_stop_jobs(const stop_jobs& m) {
  if (batches_.contains(m.batch)) wiring_.renderer->stop(m.batch, m.jobs);
}

void worker::on_batch_progress(const batch_progress& m) {
  auto found = batches_.find(m.batch);
  if (found == batches_.end()) return;
  auto now = act::now(self_);
  auto& b = found->second;
  if (m.phase == run_phase::encoding)
    b.started_at = now; // it may have waited behind another
  else if (now - b.progress_told_at < options_.progress_pause)
    return; // nobody can watch that fast, and the end is told in any case
  b.progress_told_at = now;
  act::tell(self_, wiring_.slot, m);
}

void worker::on_second_timeout() {
  act::tell(self_, wiring_.slot, worker_alive{wiring_.ready.id, wiring_.renderer->progress()});
  for (auto& [id, b] : batches_) {
    if (b.ended || act::now(self_) < b.lease_until) continue;
    log::warn("lease ran out: batch stopped", {{"batch", to_string(id)}});
    wiring_.renderer->stop(id, {});
    b.ended = true;
    b.end.code = errc::lease_expired;
    b.end.message = "no renewal reached the worker in time";
    b.end.results.clear();
    tell_end(id);
  }
  act::tell_after(self_, 1s, self_, second_timeout{});
}

// ---------------------------------------------------------------- samples and their files

void worker::on_batch_rendered(batch_rendered& m) {
  auto found = batches_.find(m.batch);
  if (found == batches_.end() || found->second.ended) return;
  auto& b = found->second;
  for (auto& s : m.samples) add_sample(b, s);
  if (m.last) {
    b.rendered = true;
    b.end.code = m.code;
    b.end.message = m.message;
    b.end.peak_bytes = m.peak_bytes;
  }
  store_next(m.batch);
}

void worker::add_sample(batch& b, rendered_sample& s) {
  auto job = std::ranges::find(b.jobs, s.id, &run_job::id);
  auto index = b.end.results.size();
  b.end.results.push_back({s.id, s.fence, s.code, std::move(s.message), {}, {}});
  auto& result = b.end.results.back();
  if (std::max(s.files.video.size(), s.files.thumbnail.size()) > limits::object_bytes_max) {
    result.code = errc::unsupported;
    result.message = "the finished file has more than " + std::to_string(limits::object_bytes_max) + " bytes";
    return;
  }
  auto add = [&](artifact kind, blob& bytes, stored_object& meta) {
    if (bytes.empty()) return;
    meta = {bytes.size(), hash_of(bytes)};
    auto key = make_object_key(job->object_prefix, kind, meta.sha256);
    b.uploads.push_back({index, kind, {std::move(key), meta.sha256, std::move(bytes)}});
  };
  add(artifact::video, s.files.video, result.video);
  add(artifact::thumbnail, s.files.thumbnail, result.thumbnail);
}

/// One upload at a time per batch; what comes meanwhile goes together in the next.
void worker::store_next(const batch_id& id) {
  auto& b = batches_.at(id);
  if (b.uploading || b.ended) return;
  if (b.uploads.empty()) return end_if_complete(id);
  put_objects m;
  std::size_t bytes = 0, count = 0;
  while (count < b.uploads.size() &&
         (count == 0 || bytes + b.uploads[count].object.data.size() <= options_.put_bytes_max))
    bytes += b.uploads[count++].object.data.size();
  std::vector<upload> sent{std::make_move_iterator(b.uploads.begin()),
                           std::make_move_iterator(b.uploads.begin() + static_cast<std::ptrdiff_t>(count))};
  b.uploads.erase(b.uploads.begin(), b.uploads.begin() + static_cast<std::ptrdiff_t>(count));
  for (const auto& u : sent) m.objects.push_back(u.object); // blobs are shared, not copied
  b.uploading = true;
  act::ask(
      self_, wiring_.objects, options_.put_deadline, std::move(m),
      [this, id, sent](const put_answer& a) { stored(id, sent, a.codes); },
      [this, id, sent](errc code) { not_stored(id, sent, code); });
}

/// While the store cannot be reached the rendered files are kept and sent again, as long as the lease holds.
void worker::not_stored(const batch_id& id, const std::vector<upload>& sent, errc code) {
  auto found = batches_.find(id);
  if (found == batches_.end() || found->second.ended) return;
  if (!may_pass(code)) return stored(id, sent, std::vector<errc>(sent.size(), code));
  log::warn("files not stored yet", {{"batch", to_string(id)}, {"files", sent.size()}, {"why", code}});
  auto& uploads = found->second.uploads;
  uploads.insert(uploads.begin(), sent.begin(), sent.end());
  act::tell_after(self_, options_.put_retry, self_, store_retry_timeout{id});
}

void worker::on_store_retry_timeout(const store_retry_timeout& m) {
  auto found = batches_.find(m.batch);
  if (found == batches_.end()) return;
  found->second.uploading = false;
  store_next(m.batch);
}

void worker::stored(const batch_id& id, const std::vector<upload>& sent, const std::vector<errc>& codes) {
  auto found = batches_.find(id);
  if (found == batches_.end() || found->second.ended) return;
  auto& b = found->second;
  b.uploading = false;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    auto code = i < codes.size() ? codes[i] : errc::internal;
    auto& result = b.end.results[sent[i].result];
    if (code == errc::ok || result.code != errc::ok) continue;
    result.code = code;
    result.message = "not stored: " + std::string{to_string(code)};
  }
  store_next(id);
}

// ---------------------------------------------------------------- end

void worker::end_if_complete(const batch_id& id) {
  auto& b = batches_.at(id);
  if (!b.rendered || b.ended) return;
  b.ended = true;
  auto took = std::chrono::ceil<std::chrono::milliseconds>(act::now(self_) - b.started_at);
  b.end.run_ms = static_cast<std::uint64_t>(took.count());
  if (b.end.code != errc::ok) b.end.results.clear();
  tell_end(id);
}

void worker::tell_end(const batch_id& id) {
  act::ask(
      self_, wiring_.slot, options_.end_deadline, batches_.at(id).end,
      [this, id](const done&) {
        auto code = batches_.at(id).end.code;
        batches_.erase(id);
        if (code == errc::internal) wiring_.quit(exit_after_internal);
      },
      [this, id](errc) { act::tell_after(self_, 500ms, self_, end_repeat_timeout{id}); });
}

void worker::on_end_repeat_timeout(const end_repeat_timeout& m) {
  if (batches_.contains(m.batch)) tell_end(m.batch);
}

} // namespace reel
