#include "actors/worker/worker.hpp"

#include <algorithm>
#include <sodium.h>

#include "actors/worker/fault_text.hpp"
#include "actors/worker/store_trouble.hpp"
#include "runtime/fault/spoil.hpp"
#include "runtime/limits.hpp"
#include "runtime/observe/log.hpp"
#include "runtime/observe/process_stats.hpp"

namespace reel {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t renewals_kept = 8; ///< one may be answered while a few are on their way
constexpr int exit_without_node = 1;
constexpr int exit_after_internal = 71; ///< the process may be broken; a fresh one is not

std::uint64_t ms_of(std::chrono::nanoseconds d) {
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(d).count());
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
  cold_since_ = act::now(self_);
  act::tell_after(self_, 1s, self_, second_timeout{});
  return {
      [this](const peer_changed& m) { on_peer_changed(m); },
      [this](const run_batch& m) { return on_run_batch(m); },
      [this](const renew_lease& m) { on_renew_lease(m); },
      [this](const stop_jobs& m) { on_stop_jobs(m); },
      [this](const batch_progress& m) { on_batch_progress(m); },
      [this](batch_rendered& m) { on_batch_rendered(m); },
      [this](const batch_checkpoint& m) { on_batch_checkpoint(m); },
      [this](runs_fetched& m) { on_runs_fetched(m); },
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
  if (m.jobs.empty() || batches_.contains(m.batch)) return {};
  auto& b = batches_[m.batch];
  b.started_at = act::now(self_);
  b.lease_ttl = m.lease_ttl;
  b.lease_until = b.started_at + m.lease_ttl - options_.lease_margin;
  b.run = m;
  b.end.batch = b.progress.batch = m.batch;
  b.end.worker = wiring_.ready.id;
  fetch_saved_runs(m);
  return {};
}

/// A batch of which something was done elsewhere waits for that; the render thread goes on with others meanwhile.
void worker::fetch_saved_runs(const run_batch& m) {
  std::map<std::string, saved_run> runs;
  for (const auto& job : m.jobs)
    if (!job.saved.is_none()) runs.emplace(job.saved.key, job.saved);
  wiring_.renderer->expect(m.batch);
  if (runs.empty()) {
    runs_fetched nothing{m.batch, {}};
    return on_runs_fetched(nothing);
  }
  std::vector<saved_run> list;
  for (auto& [key, run] : runs) list.push_back(std::move(run));
  act::spawn_shell<run_fetcher>(*self_, m.batch, std::move(list), wiring_.objects, fetch_owner_ref{self_},
                                options_.fetch);
}

void worker::on_runs_fetched(runs_fetched& m) {
  auto found = batches_.find(m.batch);
  if (found == batches_.end() || found->second.ended) return wiring_.renderer->forget(m.batch);
  if (!m.states.empty()) found->second.end.fetch_ms = ms_of(act::now(self_) - found->second.started_at);
  found->second.submitted = true;
  wiring_.renderer->submit(found->second.run, std::move(m.states));
}

void worker::on_renew_lease(const renew_lease& m) {
  auto found = batches_.find(m.batch);
  if (found == batches_.end() || lost_lease(found->second)) return;
  auto& b = found->second;
  auto answered = std::ranges::find(b.renewals, m.acknowledged, &std::pair<std::uint32_t, instant>::first);
  if (answered != b.renewals.end())
    b.lease_until = std::max(b.lease_until, answered->second + b.lease_ttl - options_.lease_margin);
  std::erase_if(b.renewals, [&m](const auto& r) { return r.first == m.number; }); // of an earlier supervisor
  if (b.renewals.size() == renewals_kept) b.renewals.pop_front();
  b.renewals.emplace_back(m.number, act::now(self_));
}

void worker::on_stop_jobs(const stop_jobs& m) {
  if (batches_.contains(m.batch)) wiring_.renderer->stop(m.batch, m.jobs, m.keep);
}

void worker::on_batch_progress(const batch_progress& m) {
  auto found = batches_.find(m.batch);
  if (found == batches_.end()) return;
  auto now = act::now(self_);
  auto& b = found->second;
  b.progress = m;
  if (m.phase == run_phase::encoding)
    b.started_at = now; // it may have waited behind another
  else if (now - b.progress_told_at < options_.progress_pause)
    return; // nobody can watch that fast, and the end is told in any case
  b.progress_told_at = now;
  act::tell(self_, wiring_.slot, m);
}

void worker::on_second_timeout() {
  auto figures = wiring_.renderer->figures();
  figures.resident_bytes = resident_bytes();
  act::tell(self_, wiring_.slot,
            worker_alive{wiring_.ready.id, wiring_.renderer->progress(), wiring_.renderer->warm_runs(),
                         wiring_.renderer->used_bytes(), figures});
  keep_warm();
  for (auto& [id, b] : batches_)
    if (!lost_lease(b)) tell_storing(b);
  act::tell_after(self_, 1s, self_, second_timeout{});
}

/// Only of one that takes a while: its node must not take it for stuck.
void worker::tell_storing(batch& b) {
  if (!b.rendered || b.ended || b.progress.phase == run_phase::storing) return;
  b.progress.phase = run_phase::storing;
  act::tell(self_, wiring_.slot, b.progress);
}

/// Nothing of it is stored or told as done from then on: its jobs may run elsewhere. Looked at every second, and before
/// anything of it leaves, because this process may have been stopped for a while.
bool worker::lost_lease(batch& b) {
  if (b.ended || act::now(self_) < b.lease_until) return false;
  log::warn("lease ran out: batch stopped", {{"batch", to_string(b.end.batch)}});
  wiring_.renderer->stop(b.end.batch, {});
  b.ended = true;
  b.uploads.clear();
  b.end.code = errc::lease_expired;
  b.end.message = "no renewal reached the worker in time";
  b.end.results.clear();
  tell_end(b.end.batch);
  return true;
}

void worker::keep_warm() {
  auto now = act::now(self_);
  if (!batches_.empty()) cold_since_ = now;
  if (options_.keep_warm <= 0ms || now - cold_since_ < options_.keep_warm) return;
  cold_since_ = now;
  wiring_.renderer->keep_warm();
}

// ---------------------------------------------------------------- samples and their files

void worker::on_batch_rendered(batch_rendered& m) {
  auto found = batches_.find(m.batch);
  if (found == batches_.end() || found->second.ended) return;
  auto& b = found->second;
  auto first = b.end.results.size();
  for (auto& s : m.samples) add_sample(b, s);
  add_saved_runs(b, m.samples, first);
  if (m.last) {
    b.rendered = true;
    b.rendered_at = act::now(self_);
    b.end.times = m.times;
    b.end.code = m.code;
    b.end.message = m.message;
    b.end.peak_bytes = m.peak_bytes;
    b.end.together = m.together;
    b.end.experts = m.experts;
    b.own_time = m.own_time;
    b.hand_over = m.hand_over;
  }
  store_next(m.batch);
}

void worker::add_sample(batch& b, rendered_sample& s) {
  auto job = std::ranges::find(b.run.jobs, s.id, &run_job::id);
  auto index = b.end.results.size();
  if (log::enabled(log::level::debug))
    log::debug("job left the model", {{"job", to_string(s.id)},
                                      {"trace", hex_of(job->trace)},
                                      {"batch", to_string(b.end.batch)},
                                      {"code", s.code},
                                      {"bytes", s.files.video.size()}});
  b.end.results.push_back({s.id, s.fence, s.code, std::move(s.message), {}, {}});
  auto& result = b.end.results.back();
  result.forget_saved = s.forget_saved;
  if (std::max(s.files.video.size(), s.files.thumbnail.size()) > limits::object_bytes_max) {
    result.code = errc::unsupported;
    result.message = "the finished file has more than " + std::to_string(limits::object_bytes_max) + " bytes";
    return;
  }
  auto add = [&](artifact kind, blob& bytes, stored_object& meta) {
    if (bytes.empty()) return;
    meta = {bytes.size(), hash_of(bytes)};
    if (auto o = fault::hit("render.result", [&] { return circumstances_of(*job); }))
      bytes = fault::flipped(bytes, o.draw);
    auto key = make_object_key(job->object_prefix, kind, meta.sha256);
    b.uploads.push_back({{index}, kind, {std::move(key), meta.sha256, std::move(bytes)}});
  };
  add(artifact::video, s.files.video, result.video);
  add(artifact::thumbnail, s.files.thumbnail, result.thumbnail);
}

/// Those that left together share their saved run, under the first one's prefix. Its list goes last.
void worker::add_saved_runs(batch& b, const std::vector<rendered_sample>& samples, std::size_t first_result) {
  std::map<const packed_run*, std::vector<std::size_t>> sharers;
  for (std::size_t i = 0; i < samples.size(); ++i)
    if (samples[i].saved) sharers[samples[i].saved.get()].push_back(i);
  for (auto& [run, members] : sharers) {
    const auto& prefix = std::ranges::find(b.run.jobs, samples[members[0]].id, &run_job::id)->object_prefix;
    auto key_of = [&](const run_part& p) { return make_object_key(prefix, artifact::saved_run, p.sha256); };
    std::vector<std::size_t> results;
    for (auto i : members) {
      results.push_back(first_result + i);
      b.end.results[results.back()].saved = {key_of(run->list), run->size_bytes, samples[i].steps};
    }
    auto add = [&](const run_part& p) {
      b.uploads.push_back({results, artifact::saved_run, {key_of(p), p.sha256, p.data}});
    };
    std::ranges::for_each(run->parts, add);
    add(run->list);
    b.storing_since = act::now(self_);
    b.save_until = *b.storing_since + options_.save_patience;
  }
}

/// Its jobs will begin from the start; what was stored of it is an orphan.
void worker::lose_saved_run(batch& b, const upload& u, errc code) {
  if (b.end.results[u.results[0]].saved.is_none()) return;
  log::warn("saved run not stored: its jobs begin from the start",
            {{"batch", to_string(b.end.batch)}, {"jobs", u.results.size()}, {"why", code}});
  for (auto i : u.results) b.end.results[i].saved = {};
  std::erase_if(b.uploads, [&u](const upload& o) { return o.kind == u.kind && o.results == u.results; });
}

/// One upload at a time per batch; what comes meanwhile goes together in the next.
void worker::store_next(const batch_id& id) {
  auto& b = batches_.at(id);
  if (b.uploading || b.ended || lost_lease(b)) return;
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
  fault::hit("worker.before_upload");
  act::ask(
      self_, wiring_.objects, options_.put_deadline, std::move(m),
      [this, id, sent](const put_answer& a) {
        fault::hit("worker.after_upload");
        stored(id, sent, a.codes);
      },
      [this, id, sent](errc code) { stored(id, sent, std::vector(sent.size(), code)); });
}

/// While the store cannot take them the rendered files are kept and sent again, for as long as anything says that it
/// may yet. Who waits for a saved run waits only for a while: it can do without.
void worker::stored(const batch_id& id, const std::vector<upload>& sent, const std::vector<errc>& codes) {
  auto found = batches_.find(id);
  if (found == batches_.end() || found->second.ended) return;
  auto& b = found->second;
  b.uploading = false;
  auto now = act::now(self_);
  if (std::ranges::find(codes, errc::ok) != codes.end()) {
    b.store_until.reset();
    b.put_retry = 0ms;
  }
  if (!b.store_until) b.store_until = now + options_.store_patience;
  std::vector<upload> again;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    auto code = i < codes.size() ? codes[i] : errc::internal;
    if (code == errc::ok) continue;
    bool is_run = sent[i].kind == artifact::saved_run;
    if (may_pass(code) && now < (is_run ? b.save_until : *b.store_until))
      again.push_back(sent[i]);
    else if (is_run)
      lose_saved_run(b, sent[i], code);
    else
      lose_file(b.end.results[sent[i].results[0]], code);
  }
  if (again.empty()) return store_next(id);
  log::warn("files not stored yet", {{"batch", to_string(id)}, {"files", again.size()}});
  b.uploads.insert(b.uploads.begin(), again.begin(), again.end());
  b.uploading = true; // until it is tried again
  b.put_retry = b.put_retry == 0ms ? options_.put_retry : std::min(2 * b.put_retry, options_.put_retry_most);
  act::tell_after(self_, b.put_retry, self_, store_retry_timeout{id});
}

void worker::lose_file(job_result& result, errc code) {
  if (result.code != errc::ok) return;
  result.code = code;
  result.message = "not stored: " + std::string{to_string(code)};
}

void worker::on_store_retry_timeout(const store_retry_timeout& m) {
  auto found = batches_.find(m.batch);
  if (found == batches_.end()) return;
  found->second.uploading = false;
  store_next(m.batch);
}

// ---------------------------------------------------------------- end

void worker::end_if_complete(const batch_id& id) {
  auto& b = batches_.at(id);
  if (!b.rendered || b.ended) return;
  b.ended = true;
  auto time = b.end.together > 0 ? b.own_time : act::now(self_) - b.started_at; // joined ones share it out
  b.end.run_ms = ms_of(time);
  b.end.times.store_ms = static_cast<std::uint32_t>(ms_of(act::now(self_) - b.rendered_at));
  if (b.storing_since) b.hand_over += act::now(self_) - *b.storing_since;
  b.end.hand_over_ms = ms_of(b.hand_over);
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
