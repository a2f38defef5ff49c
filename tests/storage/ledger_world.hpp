// ledger_world.hpp: A ledger of either kind in a world of its own (folder, clock), spoken to one call at a
// time.
#pragma once

#include <atomic>
#include <future>
#include <thread>
#include <unistd.h>

#include "actors/storage/memory_ledger.hpp"
#include "actors/storage/sqlite_ledger.hpp"
#include "tests/storage/samples.hpp"

namespace reel {

/// A folder that goes away with the test.
class scratch_folder {
public:
  scratch_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "reel-storage-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  operator const std::filesystem::path&() const { return path_; }

private:
  std::filesystem::path path_;
};

/// Calls a ledger and waits for the answer.
class ledger_caller {
public:
  explicit ledger_caller(ledger& l) : ledger_{l} {}

  auto accept(std::vector<job_request> jobs) { return call(&ledger::accept, accept_jobs{std::move(jobs)}); }
  accept_answer accept(job_request job) { return accept(std::vector{std::move(job)})->answers.at(0); }
  auto cancel(const job_id& id, std::string tenant = {}) { return call(&ledger::cancel, cancel_job{{tenant}, id}); }
  auto remove(const job_id& id, std::string tenant = {}) { return call(&ledger::remove, delete_job{{tenant}, id}); }
  auto reprioritise(const job_id& id, job_class to, std::string tenant = {}) {
    return call(&ledger::reprioritise, reprioritise_job{{tenant}, id, to});
  }
  auto pause(std::string tenant, bool paused = true, std::string by = "ops") {
    return call(&ledger::pause, set_pause{{tenant}, paused, {by}});
  }
  auto pause(set_pause m) { return call(&ledger::pause, std::move(m)); }
  auto act(note_action m) { return call(&ledger::act, std::move(m)); }
  auto audit(read_audit m = {}) { return call(&ledger::audit, std::move(m)); }
  auto find(find_jobs m) { return call(&ledger::find, std::move(m)); }
  auto pauses() { return call(&ledger::pauses, read_pauses{}); }
  auto breaker(std::string model, breaker_order order, std::string device = {}, std::string by = "ops") {
    return call(&ledger::breaker, set_breaker{{model}, device, order, {by}});
  }
  auto note(std::vector<cluster_note> notes, std::uint64_t term) {
    return call(&ledger::note, note_cluster{term, std::move(notes)});
  }
  auto breakers() { return call(&ledger::breakers, read_breakers{}); }
  std::uint64_t lead() { return call(&ledger::lead, take_leadership{{"control"}, {7}})->term; }
  auto grant(grant_batch m) { return call(&ledger::grant, std::move(m)); }
  auto end(end_batch m) { return call(&ledger::end, std::move(m)); }
  auto saved(batch_saved m) { return call(&ledger::saved, std::move(m)); }
  auto quota(std::string tenant = "acme") { return call(&ledger::quota, read_quota{{tenant}}); }
  auto read(const job_id& id, std::string tenant = {}) { return call(&ledger::read, read_job{{tenant}, id}); }
  auto dead(read_dead m = {}) { return call(&ledger::dead, std::move(m)); }
  auto inspect(const job_id& id) { return call(&ledger::inspect, inspect_job{id}); }
  auto redrive(std::vector<job_id> ids, std::string by = "ops", std::string reason = "fixed") {
    return call(&ledger::redrive, redrive_jobs{std::move(ids), {std::move(by)}, std::move(reason)});
  }
  errc redrive(const job_id& id) { return redrive(std::vector{id})->answers.at(0).code; }
  auto outbox(read_outbox m) { return *call(&ledger::outbox, std::move(m)); }
  void record(std::vector<delivery_result> m) {
    if (!call(&ledger::record, std::move(m))) throw std::logic_error{"not recorded"};
  }
  auto list(list_jobs m) { return call(&ledger::list, std::move(m)); }
  auto unfinished(unfinished_jobs m = {}) { return call(&ledger::unfinished, std::move(m)); }
  auto referenced(std::vector<object_key_parts> m) { return call(&ledger::referenced, std::move(m)); }

  job_state state_of(const job_id& id) { return read(id)->state; }

private:
  template <class Message, class Answer>
  outcome<Answer, errc> call(void (ledger::*what)(Message, reply_to<Answer>), Message m) {
    auto done = std::make_shared<std::promise<outcome<Answer, errc>>>();
    auto answer = done->get_future();
    (ledger_.*what)(std::move(m), [done](outcome<Answer, errc> a) { done->set_value(std::move(a)); });
    return answer.get();
  }

  ledger& ledger_;
};

struct world_options {
  admission_limits limits;
  std::chrono::milliseconds keys_kept = std::chrono::hours{24};
  std::chrono::milliseconds keys_gap_max = std::chrono::hours{1};
};

inline void run_at_once(std::function<void()> replies) { replies(); }

/// Time stands still until a test moves it.
class ledger_clock {
public:
  wall_time now() const { return wall_time{std::chrono::milliseconds{*wall_ms_}}; }
  void advance(std::chrono::milliseconds by) {
    *wall_ms_ += by.count();
    *steady_ms_ += by.count();
  }
  /// Somebody sets the wall clock.
  void jump(std::chrono::milliseconds by) { *wall_ms_ += by.count(); }

  std::function<wall_time()> source() const {
    return [ms = wall_ms_] { return wall_time{std::chrono::milliseconds{*ms}}; };
  }
  std::function<instant()> steady_source() const {
    return [ms = steady_ms_] { return instant{std::chrono::milliseconds{*ms}}; };
  }

private:
  using shared_ms = std::shared_ptr<std::atomic<std::int64_t>>;
  static shared_ms starting_at(std::int64_t ms) { return std::make_shared<std::atomic<std::int64_t>>(ms); }
  shared_ms wall_ms_ = starting_at(1'800'000'000'000), steady_ms_ = starting_at(50'000);
};

/// Makes the ledger's writer stand still at the first answer it gives: what is sent meanwhile becomes one group.
class writer_gate {
public:
  deliver_function deliver() {
    return [this](std::function<void()> replies) {
      if (closed_.exchange(false)) opened_.get_future().wait();
      replies();
    };
  }
  /// Has the writer answer something, and waits until it stands.
  void hold(ledger& led) {
    led.cancel({{}, {}}, [](auto) {});
    while (closed_) std::this_thread::yield();
  }
  void open() { opened_.set_value(); }

private:
  std::atomic<bool> closed_{true};
  std::promise<void> opened_;
};

inline sqlite_ledger_options small_sqlite(const std::filesystem::path& folder, const ledger_clock& clock) {
  sqlite_ledger_options o;
  o.file = folder / "ledger.db";
  o.now = clock.source();
  o.steady_now = clock.steady_source();
  o.wal_bytes = 256u << 10;
  o.disk.ballast_bytes = 64u << 10;
  o.disk.check_every = {};
  o.disk.space = [] { return disk_space{1'000'000, 900'000}; }; // tests do not depend on how full the machine is
  return o;
}

inline memory_ledger_options in_memory(const ledger_clock& clock, world_options o = {}) {
  memory_ledger_options m;
  m.limits = o.limits;
  m.keys_kept = o.keys_kept;
  m.now = clock.source();
  m.steady_now = clock.steady_source();
  return m;
}

struct sqlite_kind {
  static std::unique_ptr<ledger> make(const std::filesystem::path& folder, const ledger_clock& clock, world_options o) {
    auto options = small_sqlite(folder, clock);
    options.limits = o.limits;
    options.keys_kept = o.keys_kept;
    options.keys_gap_max = o.keys_gap_max;
    return std::make_unique<sqlite_ledger>(options, run_at_once);
  }
};

struct memory_kind {
  static std::unique_ptr<ledger> make(const std::filesystem::path&, const ledger_clock& clock, world_options o) {
    return std::make_unique<memory_ledger>(in_memory(clock, o), run_at_once);
  }
};

/// What most tests want: a ledger, and shorthands for jobs that go their way.
template <class Kind> struct ledger_world {
  explicit ledger_world(world_options o = {}) : held{Kind::make(folder, clock, o)}, led{*held} {}

  job_request request(std::string tenant = "acme") {
    return samples::request(ids.next<job_id>(clock.now()), std::move(tenant));
  }
  job_request keyed(std::string key, std::string tenant = "acme") {
    auto r = request(std::move(tenant));
    r.idempotency_key = std::move(key);
    return r;
  }
  job_id accepted(std::string tenant = "acme") {
    auto r = request(std::move(tenant));
    if (led.accept(r).code != errc::ok) throw std::logic_error{"not accepted"};
    return r.id;
  }
  std::uint64_t term() { return term_ == 0 ? term_ = led.lead() : term_; }
  std::uint64_t new_term() { return term_ = led.lead(); }

  grant_batch batch_of(std::vector<job_id> jobs) {
    return {term(), ids.next<batch_id>(clock.now()), {"workers-1/0"}, {"wan-small"}, std::move(jobs)};
  }
  /// Grants one job alone; where it must work.
  struct lease {
    batch_id batch;
    job_id job;
    std::uint32_t fence = 0;
  };
  lease leased(const job_id& id) {
    auto m = batch_of({id});
    auto granted = led.grant(m);
    if (!granted || granted->jobs.at(0).code != errc::ok) throw std::logic_error{"not granted"};
    return {m.batch, id, granted->jobs[0].fence};
  }
  lease leased() { return leased(accepted()); }

  static job_outcome how(const lease& l, verdict v) {
    job_outcome o;
    o.id = l.job;
    o.fence = l.fence;
    o.how = v;
    o.gpu_ms = 100;
    if (v == verdict::succeeded) o.video = {1000, samples::sha256_of("video")};
    if (v == verdict::failed || v == verdict::dead_letter) o.cause = errc::crashed;
    return o;
  }
  /// What its worker kept of a stopped execution.
  static saved_run saved_of(const lease& l, std::int32_t steps = 7) { return named_run(l, "list of parts", steps); }
  static saved_run named_run(const lease& l, const std::string& name, std::int32_t steps) {
    const auto prefix = object_prefix({"acme"}, l.job, 1, l.fence);
    return {make_object_key(prefix, artifact::saved_run, samples::sha256_of(name)), 1'000'000, steps};
  }
  static job_outcome paused(const lease& l, saved_run run) {
    auto o = how(l, verdict::retry);
    o.counted = false;
    o.cause = errc::preempted;
    o.saved = std::move(run);
    return o;
  }
  errc end(const lease& l, job_outcome o) {
    auto answer = led.end({term(), l.batch, {std::move(o)}});
    return answer ? answer->codes.at(0) : answer.error();
  }
  errc end(const lease& l, verdict v) { return end(l, how(l, v)); }

  void cancel(const job_id& id) {
    if (!led.cancel(id)) throw std::logic_error{"not cancelled"};
  }
  void remove(const job_id& id) {
    if (!led.remove(id)) throw std::logic_error{"not deleted"};
  }

  scratch_folder folder;
  ledger_clock clock;
  id_generator ids;
  std::unique_ptr<ledger> held;
  ledger_caller led;

private:
  std::uint64_t term_ = 0;
};

} // namespace reel
