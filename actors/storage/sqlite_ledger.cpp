#include "actors/storage/sqlite_ledger.hpp"

#include <cerrno>
#include <cstdlib>
#include <fstream>

#include "actors/storage/sqlite/checkpointer.hpp"
#include "actors/storage/sqlite/operation.hpp"
#include "actors/storage/sqlite/reader.hpp"
#include "actors/storage/sqlite/schema.hpp"
#include "actors/storage/sqlite/transactions.hpp"
#include "actors/storage/work_queue.hpp"
#include "runtime/fault/fault_point.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

namespace {

constexpr std::size_t read_group_ops = 64; ///< in one read transaction: a long one would hold the log back

wall_time system_time() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

/// CLOCK_MONOTONIC counts since the machine was started: the same for all processes until it is started again.
std::string name_of_monotonic_clock() {
  std::string boot;
  std::ifstream{"/proc/sys/kernel/random/boot_id"} >> boot;
  return "boot-" + (boot.empty() ? std::to_string(draw_epoch().value) : boot);
}

void end_process(const std::string& why) {
  log::error("the ledger cannot continue: ending the process", {{"why", why}});
  std::_Exit(70);
}

sqlite_ledger_options with_defaults(sqlite_ledger_options o) {
  if (!o.now) o.now = system_time;
  if (!o.steady_now) o.steady_now = [] { return std::chrono::steady_clock::now(); };
  if (!o.fatal) o.fatal = end_process;
  return o;
}

/// A commit that fails as one whose sync did, or as one on a full disk.
void fail_if_ordered() {
  switch (fault::hit("ledger.before_commit").what) {
  case fault::action::error: throw sqlite::error{"injected fault", SQLITE_IOERR_FSYNC, EIO};
  case fault::action::no_space: throw sqlite::error{"injected fault", SQLITE_FULL, ENOSPC};
  default: return;
  }
}

std::string beside(const std::filesystem::path& file, const char* suffix) { return file.string() + suffix; }

} // namespace

class sqlite_ledger::threads {
public:
  using write_group = sqlite::group_of<sqlite::transactions>;
  using read_group = sqlite::group_of<sqlite::reader>;

  threads(sqlite_ledger_options o, deliver_function deliver);
  ~threads();

  template <class Answer, class Message> void write(Message m, reply_to<Answer> reply) {
    put(writes_, std::move(m), std::move(reply), instant::max());
  }
  template <class Answer, class Message> void write_soon(Message m, reply_to<Answer> reply) {
    put(writes_, std::move(m), std::move(reply), options_.steady_now() + options_.accept_wait_max);
  }
  template <class Answer, class Message> void read(Message m, reply_to<Answer> reply) {
    put(reads_, std::move(m), std::move(reply), instant::max());
  }

  std::size_t waiting_writes() const { return writes_.size(); }
  std::size_t waiting_reads() const { return reads_.size(); }

private:
  template <class Engine> using queue_to = work_queue<sqlite::operation_ptr<Engine>>;

  template <class Engine, class Message, class Answer>
  void put(queue_to<Engine>& queue, Message m, reply_to<Answer> reply, instant needed_until) {
    const auto bytes = sqlite::bytes_of_message(m);
    const auto weight = sqlite::weight_of(m);
    sqlite::operation_ptr<Engine> op =
        std::make_unique<sqlite::operation_on<Engine, Message, Answer>>(std::move(m), std::move(reply));
    op->weight = weight;
    op->needed_until = needed_until;
    if (queue.push(std::move(op), bytes)) return;
    op->refuse(errc::queue_full);
    deliver_([late = std::shared_ptr{std::move(op)}] { late->reply(); });
  }

  template <class Engine> void deliver(sqlite::group_of<Engine>& group) {
    auto all = std::make_shared<sqlite::group_of<Engine>>(std::move(group));
    group.clear();
    deliver_([all = std::move(all)] {
      for (auto& op : *all) op->reply();
    });
  }

  template <class Work> void measured(bool is_write, std::size_t operations, Work work) const {
    const auto began = std::chrono::steady_clock::now();
    work();
    if (options_.measured) options_.measured({is_write, operations, std::chrono::steady_clock::now() - began});
  }

  void write_loop();
  void commit(write_group& group);
  void commit_in(write_group& group, space_left space);
  errc try_commit(std::span<write_group::value_type> ops, space_left space);
  void move_whole_log();
  void move_log();
  void read_loop();
  void answer(read_group& group);
  template <class Work> errc reading(Work work);
  void give_up(const std::string& why);

  const sqlite_ledger_options options_;
  const deliver_function deliver_;
  const sqlite::file_lock lock_;

  std::atomic<bool> dead_{false};
  disk_guard disk_;
  sqlite::connection write_db_, read_db_;
  sqlite::transactions transactions_;
  sqlite::reader reader_;
  int log_frames_ = 0; ///< in the write-ahead log after the last commit
  sqlite::read_gate reads_going_on_;
  sqlite::checkpointer checkpointer_;

  queue_to<sqlite::transactions> writes_;
  queue_to<sqlite::reader> reads_;
  std::thread writer_, reading_;
};

namespace {

/// Makes the file ready before the first connection opens it.
sqlite::connection open_writer(const sqlite_ledger_options& o) {
  sqlite::prepare_ledger_file(o.file);
  sqlite::prepare_wal(o.file, o.wal_bytes); // afterwards: beside an empty file SQLite removes any log
  return {o.file.string(), {.cache_kib = o.writer_cache_kib}};
}

sqlite::key_options key_options_of(const sqlite_ledger_options& o) {
  return {o.keys_kept, o.keys_gap_max, o.now(), o.steady_now()};
}

/// SQLite's own words do not name the file.
template <class Open> auto opening(const std::filesystem::path& file, Open open) {
  auto refusal = [&file](const std::exception& why) {
    return std::runtime_error{"ledger " + file.string() + ": cannot be read: " + why.what()};
  };
  try {
    return open();
  } catch (const sqlite::error& why) {
    throw refusal(why);
  } catch (const std::logic_error& why) {
    throw refusal(why);
  }
}

} // namespace

sqlite_ledger::threads::threads(sqlite_ledger_options o, deliver_function deliver)
    : options_{with_defaults(std::move(o))}, deliver_{std::move(deliver)}, lock_{options_.file},
      disk_{beside(options_.file, ".reserve"), options_.disk}, write_db_{open_writer(options_)},
      read_db_{options_.file.string(), {.cache_kib = options_.reader_cache_kib}},
      transactions_{write_db_, options_.limits, key_options_of(options_), name_of_monotonic_clock()}, reader_{read_db_},
      checkpointer_{options_.file.string(),
                    reads_going_on_,
                    {options_.wal_bytes, [this](const std::string& why) { give_up(why); }}},
      writes_{options_.queue_ops, options_.queue_bytes}, reads_{options_.queue_ops, options_.queue_bytes} {
  sqlite::configure_writer(write_db_);
  move_whole_log();
  sqlite::configure_writer(read_db_);
  read_db_.run("PRAGMA query_only=1");
  auto remember_frames = [](void* frames, sqlite3*, const char*, int count) {
    *static_cast<int*>(frames) = count;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(write_db_.raw(), remember_frames, &log_frames_);
  writer_ = std::thread{[this] { write_loop(); }};
  reading_ = std::thread{[this] { read_loop(); }};
}

sqlite_ledger::threads::~threads() {
  writes_.close();
  reads_.close();
  writer_.join();
  reading_.join();
}

void sqlite_ledger::threads::write_loop() {
  write_group group;
  while (writes_.take(group, limits::ledger_group_ops, [](const auto& op) { return op->weight; })) {
    measured(true, group.size(), [&] { commit(group); });
    deliver(group);
    move_log();
  }
}

/// The reserve is as large as the log usually is.
void sqlite_ledger::threads::move_whole_log() {
  try {
    sqlite::move_whole_log(write_db_);
  } catch (const sqlite::error& why) {
    if (!why.is_full()) throw;
    disk_.release();
    sqlite::move_whole_log(write_db_);
  }
}

void sqlite_ledger::threads::move_log() {
  try {
    if (!dead_) checkpointer_.after_commit(write_db_, log_frames_);
  } catch (const std::exception& why) {
    give_up(why.what());
  }
}

void sqlite_ledger::threads::commit(write_group& group) {
  if (dead_) return sqlite::refuse_all(group, errc::unavailable);
  try {
    const auto now = options_.steady_now();
    for (auto& op : group)
      if (op->needed_until < now) op->refuse(errc::timeout);
    commit_in(group, disk_.check(now));
  } catch (const std::exception& why) {
    transactions_.rollback();
    give_up(why.what());
    sqlite::refuse_all(group, errc::unavailable);
  }
}

void sqlite_ledger::threads::commit_in(write_group& group, space_left space) {
  auto code = try_commit(group, space);
  if (code == errc::no_space) {
    disk_.release();
    space = {false, false}; // what ends work still has the reserve
    code = try_commit(group, space);
  }
  if (code == errc::ok) return;
  if (code == errc::no_space || group.size() == 1) return sqlite::refuse_all(group, code);
  for (auto& op : group) // perhaps only one of them cannot be carried out
    if (const auto own = try_commit({&op, 1}, space); own != errc::ok) op->refuse(own);
}

/// As one transaction: ok, no_space, or unavailable for what else is not fatal; then nothing has happened. Throws what
/// is fatal.
errc sqlite_ledger::threads::try_commit(std::span<write_group::value_type> ops, space_left space) {
  try {
    transactions_.begin(options_.now(), options_.steady_now(), space);
    for (auto& op : ops)
      if (!op->refused()) op->run(transactions_);
    fail_if_ordered();
    transactions_.commit();
    fault::hit("ledger.after_commit");
    return errc::ok;
  } catch (const sqlite::error& why) {
    transactions_.rollback();
    if (why.is_fatal()) throw;
    log::warn("ledger operations failed", {{"operations", ops.size()}, {"why", std::string_view{why.what()}}});
    return why.is_full() ? errc::no_space : errc::unavailable;
  }
}

void sqlite_ledger::threads::read_loop() {
  read_group group;
  while (reads_.take(group, read_group_ops)) {
    measured(false, group.size(), [&] { answer(group); });
    deliver(group);
  }
}

void sqlite_ledger::threads::answer(read_group& group) {
  if (dead_) return sqlite::refuse_all(group, errc::unavailable);
  sqlite::read_gate::reading going_on{reads_going_on_};
  // After the last of the group was asked: sees all that was committed before.
  if (const auto code = reading([this] { reader_.begin(); }); code != errc::ok) return sqlite::refuse_all(group, code);
  for (auto& op : group)
    if (const auto code = reading([this, &op] { op->run(reader_); }); code != errc::ok) op->refuse(code);
  reader_.end();
}

/// ok, or how to answer instead.
template <class Work> errc sqlite_ledger::threads::reading(Work work) {
  try {
    work();
    return errc::ok;
  } catch (const sqlite::error& why) {
    if (why.is_fatal()) give_up(why.what());
    log::warn("a read of the ledger failed", {{"why", std::string_view{why.what()}}});
    return errc::unavailable;
  } catch (const std::exception& why) {
    log::error("a read of the ledger failed", {{"why", std::string_view{why.what()}}});
    return errc::internal;
  }
}

void sqlite_ledger::threads::give_up(const std::string& why) {
  if (!dead_.exchange(true)) options_.fatal("ledger " + options_.file.string() + ": " + why);
}

// ---------------------------------------------------------------- the ledger

sqlite_ledger::sqlite_ledger(sqlite_ledger_options options, deliver_function deliver) {
  const auto file = options.file;
  sqlite::check_ledger_file(file);
  threads_ =
      opening(file, [&options, &deliver] { return std::make_unique<threads>(std::move(options), std::move(deliver)); });
}

sqlite_ledger::~sqlite_ledger() = default;

std::size_t sqlite_ledger::waiting_writes() const { return threads_->waiting_writes(); }
std::size_t sqlite_ledger::waiting_reads() const { return threads_->waiting_reads(); }

void sqlite_ledger::accept(accept_jobs m, reply_to<accept_answers> reply) {
  threads_->write_soon(std::move(m), std::move(reply));
}
void sqlite_ledger::cancel(cancel_job m, reply_to<cancel_answer> reply) {
  threads_->write(std::move(m), std::move(reply));
}
void sqlite_ledger::remove(delete_job m, reply_to<delete_answer> reply) {
  threads_->write(std::move(m), std::move(reply));
}
void sqlite_ledger::reprioritise(reprioritise_job m, reply_to<reprioritise_answer> reply) {
  threads_->write(std::move(m), std::move(reply));
}
void sqlite_ledger::pause(set_pause m, reply_to<pause_list> reply) { threads_->write(std::move(m), std::move(reply)); }
void sqlite_ledger::breaker(set_breaker m, reply_to<breaker_overrides> reply) {
  threads_->write(std::move(m), std::move(reply));
}
void sqlite_ledger::lead(take_leadership m, reply_to<leadership> reply) {
  threads_->write(std::move(m), std::move(reply));
}
void sqlite_ledger::grant(grant_batch m, reply_to<grant_answer> reply) {
  threads_->write(std::move(m), std::move(reply));
}
void sqlite_ledger::end(end_batch m, reply_to<end_answer> reply) { threads_->write(std::move(m), std::move(reply)); }
void sqlite_ledger::saved(batch_saved m, reply_to<save_answer> reply) {
  threads_->write(std::move(m), std::move(reply));
}
void sqlite_ledger::quota(read_quota m, reply_to<quota_view> reply) { threads_->write(std::move(m), std::move(reply)); }
void sqlite_ledger::redrive(redrive_jobs m, reply_to<accept_answers> reply) {
  threads_->write(std::move(m), std::move(reply));
}
void sqlite_ledger::record(std::vector<delivery_result> m, reply_to<done> reply) {
  threads_->write(std::move(m), std::move(reply));
}
void sqlite_ledger::note(note_cluster m, reply_to<done> reply) { threads_->write(std::move(m), std::move(reply)); }
void sqlite_ledger::act(note_action m, reply_to<action_noted> reply) {
  threads_->write(std::move(m), std::move(reply));
}
void sqlite_ledger::audit(read_audit m, reply_to<audit_page> reply) { threads_->read(std::move(m), std::move(reply)); }
void sqlite_ledger::find(find_jobs m, reply_to<found_jobs> reply) { threads_->read(std::move(m), std::move(reply)); }
void sqlite_ledger::read(read_job m, reply_to<job_record> reply) { threads_->read(std::move(m), std::move(reply)); }
void sqlite_ledger::list(list_jobs m, reply_to<job_page> reply) { threads_->read(std::move(m), std::move(reply)); }
void sqlite_ledger::unfinished(unfinished_jobs m, reply_to<unfinished_page> reply) {
  threads_->read(std::move(m), std::move(reply));
}
void sqlite_ledger::pauses(read_pauses m, reply_to<pause_list> reply) {
  threads_->read(std::move(m), std::move(reply));
}
void sqlite_ledger::breakers(read_breakers m, reply_to<breaker_overrides> reply) {
  threads_->read(std::move(m), std::move(reply));
}
void sqlite_ledger::dead(read_dead m, reply_to<dead_page> reply) { threads_->read(std::move(m), std::move(reply)); }
void sqlite_ledger::inspect(inspect_job m, reply_to<job_inspection> reply) {
  threads_->read(std::move(m), std::move(reply));
}
void sqlite_ledger::outbox(read_outbox m, reply_to<std::vector<outbox_entry>> reply) {
  threads_->read(std::move(m), std::move(reply));
}
void sqlite_ledger::referenced(std::vector<object_key_parts> objects, reply_to<std::vector<bool>> reply) {
  threads_->read(std::move(objects), std::move(reply));
}

} // namespace reel
