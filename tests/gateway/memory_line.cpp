#include "tests/gateway/memory_line.hpp"

#include <algorithm>
#include <sodium.h>

namespace reel {

namespace {

stored_object stored(const std::string& bytes) {
  stored_object o{.size_bytes = bytes.size()};
  crypto_hash_sha256(o.sha256.bytes.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  return o;
}

} // namespace

memory_line::memory_line(replies how) : how_{how} {
  if (how_ == replies::inside_the_call) return;
  thread_ = std::thread{[this] {
    std::unique_lock lock{mutex_};
    for (;;) {
      changed_.wait(lock, [this] { return ending_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      auto task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      task = nullptr;
      lock.lock();
    }
  }};
}

void memory_line::stop() {
  {
    std::lock_guard lock{mutex_};
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void memory_line::post(std::function<void()> task) {
  if (how_ == replies::inside_the_call) return task();
  {
    std::lock_guard lock{mutex_};
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
}

template <class T> void memory_line::give(line_reply<T> reply, outcome<T, errc> answer) {
  {
    std::lock_guard lock{mutex_};
    if (swallow_) return;
    if (failing_ != errc::ok) answer = failed{failing_};
  }
  post([reply = std::move(reply), answer = std::move(answer)] { reply(answer); });
}

memory_line::row* memory_line::find(const tenant_id& tenant, const job_id& id) {
  auto found = rows_.find(id);
  if (found == rows_.end()) return nullptr;
  return tenant.value.empty() || found->second.record.request.tenant == tenant ? &found->second : nullptr;
}

void memory_line::accept(job_request job, line_reply<accept_answer> reply) {
  accept_answer answer{.id = job.id};
  {
    std::lock_guard lock{mutex_};
    answer.code = refusing_;
    answer.quota = quota_;
    answer.retry_after_s = retry_after_s_;
    bool counts = failing_ == errc::ok && refusing_ == errc::ok && !swallow_;
    auto key = std::pair{job.tenant, job.idempotency_key};
    auto known = job.idempotency_key.empty() ? keys_.end() : keys_.find(key);
    if (known != keys_.end()) {
      bool same = rows_[known->second].record.request.payload_sha256 == job.payload_sha256;
      answer = {.code = same ? errc::ok : errc::key_reused, .id = known->second, .replayed = same};
    } else if (counts) {
      if (!job.idempotency_key.empty()) keys_.emplace(key, job.id);
      rows_[job.id].record.request = std::move(job);
    }
  }
  give<accept_answer>(std::move(reply), answer);
}

void memory_line::answer_full(std::uint32_t retry_after_s) {
  std::lock_guard lock{mutex_};
  refusing_ = errc::queue_full;
  retry_after_s_ = retry_after_s;
}

void memory_line::answer_quota(errc code, quota_standing quota) {
  std::lock_guard lock{mutex_};
  refusing_ = code;
  quota_ = quota;
}

void memory_line::quota(read_quota m, line_reply<quota_view> reply) {
  quota_view view{m.tenant, "Europe/Berlin", 3600, {}, {}};
  view.all = {.jobs = 2, .reserved_ms = 1500, .settled_ms = 2250, .queued = 1, .gpu_ms_max = 90'500, .queued_max = 10};
  view.by_class[3] = {.jobs = 2, .jobs_max = 5, .running_max = 1};
  give<quota_view>(std::move(reply), std::move(view));
}

void memory_line::overview(describe_line, line_reply<line_overview> reply) {
  line_overview o;
  {
    std::lock_guard lock{mutex_};
    o = overview_;
  }
  give<line_overview>(std::move(reply), std::move(o));
}

void memory_line::read(read_job m, line_reply<job_view> reply) {
  outcome<job_view, errc> answer{failed{errc::not_found}};
  {
    std::lock_guard lock{mutex_};
    if (auto* r = find(m.tenant, m.id)) answer = job_view{r->record, r->live};
    if (holds_reads_) {
      held_reads_.push_back([this, reply, answer] { give(reply, answer); });
      return;
    }
  }
  give(std::move(reply), std::move(answer));
}

void memory_line::list(list_jobs m, line_reply<view_page> reply) {
  view_page page;
  {
    std::lock_guard lock{mutex_};
    std::vector<const row*> all;
    for (const auto& [id, r] : rows_)
      if (m.tenant.value.empty() || r.record.request.tenant == m.tenant) all.push_back(&r);
    if (!m.ascending) std::ranges::reverse(all);
    for (const auto* one : all) {
      const auto& id = one->record.request.id;
      if (m.after && (m.ascending ? id <= *m.after : id >= *m.after)) continue;
      if (page.jobs.size() == m.limit)
        page.has_more = true;
      else
        page.jobs.push_back({one->record, one->record.state == job_state::leased ? one->live : std::nullopt});
    }
  }
  give<view_page>(std::move(reply), std::move(page));
}

void memory_line::cancel(cancel_job m, line_reply<cancel_answer> reply) {
  outcome<cancel_answer, errc> answer{failed{errc::not_found}};
  {
    std::lock_guard lock{mutex_};
    if (auto* r = find(m.tenant, m.id)) {
      if (is_terminal(r->record.state))
        answer = failed{errc::conflict};
      else {
        bool running = r->record.state == job_state::leased;
        r->record.state = job_state::cancelled;
        r->record.error = errc::cancelled;
        r->record.finished_at = r->record.request.created_at;
        ++r->record.version;
        answer = cancel_answer{job_state::cancelled, running};
        tell(*r);
      }
    }
  }
  give(std::move(reply), std::move(answer));
}

void memory_line::remove(delete_job m, line_reply<delete_answer> reply) {
  outcome<delete_answer, errc> answer{failed{errc::not_found}};
  {
    std::lock_guard lock{mutex_};
    if (find(m.tenant, m.id)) {
      rows_.erase(m.id);
      answer = delete_answer{};
    }
  }
  give(std::move(reply), std::move(answer));
}

void memory_line::reprioritise(reprioritise_job m, line_reply<reprioritise_answer> reply) {
  outcome<reprioritise_answer, errc> answer{failed{errc::not_found}};
  {
    std::lock_guard lock{mutex_};
    if (auto* r = find(m.tenant, m.id)) {
      auto& record = r->record;
      bool waits = record.state == job_state::queued || record.state == job_state::retry_wait;
      auto from = record.request.cls;
      if (waits) record.request.cls = m.to;
      answer = reprioritise_answer{waits ? errc::ok : errc::conflict, record.state, from, record.request.cls};
    }
  }
  give(std::move(reply), std::move(answer));
}

void memory_line::pause(set_pause m, line_reply<pause_list> reply) {
  pause_list list;
  {
    std::lock_guard lock{mutex_};
    if (m.paused)
      pauses_.try_emplace(m.tenant, queue_pause{m.tenant, m.by, wall_time{std::chrono::seconds{1'800'000'000}}});
    else
      pauses_.erase(m.tenant);
    for (const auto& [tenant, one] : pauses_) list.all.push_back(one);
  }
  give<pause_list>(std::move(reply), std::move(list));
}

void memory_line::breaker(set_breaker m, line_reply<breakers_view> reply) {
  breaker_status s{.model = m.model, .device = m.device};
  if (m.order != breaker_order::reset) {
    s.state = m.order == breaker_order::open ? breaker_state::forced_open : breaker_state::disabled;
    s.by = m.by;
  }
  give<breakers_view>(std::move(reply), breakers_view{{s}});
}

void memory_line::read_object(reel::read_object m, line_reply<object_slice> reply) {
  outcome<object_slice, errc> answer{failed{errc::not_found}};
  {
    std::lock_guard lock{mutex_};
    ++object_reads_;
    auto found = objects_.find(m.key);
    if (found != objects_.end() && m.offset <= found->second.size())
      answer = object_slice{found->second.size(),
                            blob::copy_of(std::string_view{found->second}.substr(m.offset, m.length_max))};
  }
  give(std::move(reply), std::move(answer));
}

line::watch_id memory_line::watch(job_id id, update_handler on_update) {
  std::lock_guard lock{mutex_};
  watches_.emplace(++last_watch_, std::pair{id, std::move(on_update)});
  return last_watch_;
}

void memory_line::unwatch(watch_id id) {
  std::lock_guard lock{mutex_};
  watches_.erase(id);
}

line_readiness memory_line::readiness() const {
  std::lock_guard lock{mutex_};
  if (failing_ == errc::ok) return {.ready = true, .reasons = {}};
  return {.ready = false, .reasons = {"ledger: " + std::string{to_string(failing_)}}};
}

void memory_line::fail_all(errc code) {
  std::lock_guard lock{mutex_};
  failing_ = code;
}

void memory_line::swallow(bool all) {
  std::lock_guard lock{mutex_};
  swallow_ = all;
}

void memory_line::hold_reads() {
  std::lock_guard lock{mutex_};
  holds_reads_ = true;
}

void memory_line::release_reads() {
  std::vector<std::function<void()>> held;
  {
    std::lock_guard lock{mutex_};
    holds_reads_ = false;
    held.swap(held_reads_);
  }
  for (auto& give_one : held) give_one();
}

std::size_t memory_line::held_reads() const {
  std::lock_guard lock{mutex_};
  return held_reads_.size();
}

/// Called with the lock held; the updates go out from the other thread.
void memory_line::tell(const row& r) {
  job_update u{r.record.request.id, r.record.state, r.live.value_or(job_live{})};
  for (const auto& [watch, who] : watches_)
    if (who.first == u.id && thread_.joinable()) tasks_.push_back([on_update = who.second, u] { on_update(u); });
  changed_.notify_one();
}

void memory_line::set_live(const job_id& id, std::optional<job_live> live) {
  std::lock_guard lock{mutex_};
  rows_.at(id).live = live;
  tell(rows_.at(id));
}

void memory_line::start(const job_id& id) {
  std::lock_guard lock{mutex_};
  auto& r = rows_.at(id);
  r.record.state = job_state::leased;
  ++r.record.version;
  ++r.record.fence;
  r.record.batch_size = 1;
  r.live = job_live{.phase = run_phase::encoding};
  tell(r);
}

void memory_line::finish(const job_id& id, std::string video, std::string thumbnail) {
  std::lock_guard lock{mutex_};
  auto& r = rows_.at(id);
  auto& record = r.record;
  record.state = job_state::succeeded;
  ++record.version;
  record.committed_fence = record.fence;
  record.finished_at = record.request.created_at + std::chrono::seconds{9};
  auto prefix = object_prefix(record.request.tenant, id, record.generation, record.committed_fence);
  for (auto& [kind, bytes, object] : {std::tuple{artifact::video, &video, &record.video},
                                      std::tuple{artifact::thumbnail, &thumbnail, &record.thumbnail}}) {
    *object = stored(*bytes);
    objects_[make_object_key(prefix, kind, object->sha256)] = *bytes;
  }
  r.live.reset();
  tell(r);
}

void memory_line::fail(const job_id& id, job_state state, errc code, std::string message) {
  std::lock_guard lock{mutex_};
  auto& r = rows_.at(id);
  r.record.state = state;
  ++r.record.version;
  r.record.error = code;
  r.record.error_message = std::move(message);
  r.record.finished_at = r.record.request.created_at + std::chrono::seconds{9};
  r.live.reset();
  tell(r);
}

void memory_line::set_overview(line_overview o) {
  std::lock_guard lock{mutex_};
  overview_ = std::move(o);
}

void memory_line::set_class(const job_id& id, job_class cls) {
  std::lock_guard lock{mutex_};
  rows_.at(id).record.request.cls = cls;
}

void memory_line::lose_objects() {
  std::lock_guard lock{mutex_};
  objects_.clear();
}

std::vector<job_record> memory_line::jobs() const {
  std::lock_guard lock{mutex_};
  std::vector<job_record> all;
  for (const auto& [id, r] : rows_) all.push_back(r.record);
  return all;
}

job_record memory_line::job(const job_id& id) const {
  std::lock_guard lock{mutex_};
  return rows_.at(id).record;
}

std::size_t memory_line::watches() const {
  std::lock_guard lock{mutex_};
  return watches_.size();
}

std::size_t memory_line::object_reads() const {
  std::lock_guard lock{mutex_};
  return object_reads_;
}

} // namespace reel
