#include "actors/storage/sqlite_ledger.hpp"

#include <cstdlib>

#include "actors/storage/sqlite/checkpointer.hpp"
#include "actors/storage/sqlite/reader.hpp"
#include "actors/storage/sqlite/schema.hpp"
#include "actors/storage/sqlite/transactions.hpp"
#include "actors/storage/work_queue.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

namespace {

constexpr std::size_t read_group_ops = 64; ///< in one read transaction: a long one would hold the log back

/// A queued message with its reply; Engine is the half of the ledger that answers it.
template <class Engine> struct operation {
  virtual ~operation() = default;
  virtual void run(Engine& engine) = 0; ///< keeps the answer; may run again after a rollback
  virtual void refuse(errc why) = 0;
  virtual void reply() = 0;
  std::size_t weight = 1; ///< jobs in it
};
template <class Engine> using operation_ptr = std::unique_ptr<operation<Engine>>;
template <class Engine> using group_of = std::vector<operation_ptr<Engine>>;

template <class Engine, class Message, class Answer> struct operation_on final : operation<Engine> {
  operation_on(Message m, reply_to<Answer> r) : message{std::move(m)}, to{std::move(r)} {}
  void run(Engine& engine) override { answer = engine.run(message); }
  void refuse(errc why) override { answer = failed{why}; }
  void reply() override { to(std::move(answer)); }

  const Message message;
  reply_to<Answer> to;
  outcome<Answer, errc> answer = failed{errc::internal};
};

template <class Engine> void refuse_all(group_of<Engine>& group, errc why) {
  for (auto& op : group) op->refuse(why);
}

template <class Message> std::size_t weight_of(const Message& m) {
  if constexpr (requires { m.jobs; })
    return std::max<std::size_t>(1, m.jobs.size());
  else if constexpr (requires { m.outcomes; })
    return std::max<std::size_t>(1, m.outcomes.size());
  else
    return 1;
}

wall_time system_time() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

void end_process(const std::string& why) {
  log::error("the ledger cannot continue: ending the process", {{"why", why}});
  std::_Exit(70);
}

sqlite_ledger_options with_defaults(sqlite_ledger_options o) {
  if (!o.now) o.now = system_time;
  if (!o.fatal) o.fatal = end_process;
  return o;
}

std::string beside(const std::filesystem::path& file, const char* suffix) { return file.string() + suffix; }

} // namespace

class sqlite_ledger::threads {
public:
  using write_group = group_of<sqlite::transactions>;
  using read_group = group_of<sqlite::reader>;

  threads(sqlite_ledger_options o, deliver_function deliver);
  ~threads();

  template <class Answer, class Message> void write(Message m, reply_to<Answer> reply) {
    put(writes_, std::make_unique<operation_on<sqlite::transactions, Message, Answer>>(std::move(m), std::move(reply)));
  }
  template <class Answer, class Message> void read(Message m, reply_to<Answer> reply) {
    put(reads_, std::make_unique<operation_on<sqlite::reader, Message, Answer>>(std::move(m), std::move(reply)));
  }

private:
  template <class Engine, class Message, class Answer>
  void put(work_queue<operation_ptr<Engine>>& queue, std::unique_ptr<operation_on<Engine, Message, Answer>> op) {
    op->weight = weight_of(op->message);
    operation_ptr<Engine> queued = std::move(op);
    if (queue.push(std::move(queued))) return;
    queued->refuse(errc::queue_full);
    deliver_([late = std::shared_ptr{std::move(queued)}] { late->reply(); });
  }

  template <class Engine> void deliver(group_of<Engine>& group) {
    auto all = std::make_shared<group_of<Engine>>(std::move(group));
    group.clear();
    deliver_([all = std::move(all)] {
      for (auto& op : *all) op->reply();
    });
  }

  void write_loop();
  void commit(write_group& group);
  void try_commit(write_group& group, space_left space);
  void move_log();
  void read_loop();
  void answer(read_group& group);
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
  sqlite::checkpointer checkpointer_;

  work_queue<operation_ptr<sqlite::transactions>> writes_;
  work_queue<operation_ptr<sqlite::reader>> reads_;
  std::thread writer_, reading_;
};

namespace {

/// Makes the file ready before the first connection opens it.
sqlite::connection open_writer(const sqlite_ledger_options& o) {
  sqlite::prepare_wal(o.file, o.wal_bytes);
  sqlite::prepare_ledger_file(o.file);
  return {o.file.string(), {.cache_kib = o.writer_cache_kib}};
}

/// SQLite's own words do not name the file.
template <class Open> auto opening(const std::filesystem::path& file, Open open) {
  try {
    return open();
  } catch (const sqlite::error& why) {
    throw std::runtime_error{"ledger " + file.string() + ": cannot be read: " + why.what()};
  }
}

} // namespace

sqlite_ledger::threads::threads(sqlite_ledger_options o, deliver_function deliver)
    : options_{with_defaults(std::move(o))}, deliver_{std::move(deliver)}, lock_{options_.file},
      disk_{beside(options_.file, ".reserve"), options_.disk}, write_db_{open_writer(options_)},
      read_db_{options_.file.string(), {.cache_kib = options_.reader_cache_kib}},
      transactions_{write_db_, options_.limits, options_.keys_kept}, reader_{read_db_},
      checkpointer_{options_.file.string(),
                    {options_.wal_bytes, [this](const sqlite::error& why) { give_up(why.what()); }}},
      writes_{options_.queue_ops}, reads_{options_.queue_ops} {
  sqlite::configure_writer(write_db_);
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
    commit(group);
    deliver(group);
    move_log();
  }
}

void sqlite_ledger::threads::move_log() {
  try {
    if (!dead_) checkpointer_.after_commit(write_db_, log_frames_);
  } catch (const sqlite::error& why) {
    give_up(why.what());
  }
}

void sqlite_ledger::threads::commit(write_group& group) {
  if (dead_) return refuse_all(group, errc::unavailable);
  try {
    const auto space = disk_.check(std::chrono::steady_clock::now());
    try {
      try_commit(group, space);
    } catch (const sqlite::error& why) {
      transactions_.rollback();
      if (!why.is_full()) throw;
      disk_.release();
      try_commit(group, {false, false}); // what ends work still has the reserve
    }
  } catch (const sqlite::error& why) {
    transactions_.rollback();
    if (why.is_fatal())
      give_up(why.what());
    else
      log::warn("a group of ledger operations failed", {{"why", std::string_view{why.what()}}});
    refuse_all(group, why.is_full() ? errc::no_space : errc::unavailable);
  } catch (const std::exception& why) {
    give_up(why.what());
    refuse_all(group, errc::unavailable);
  }
}

void sqlite_ledger::threads::try_commit(write_group& group, space_left space) {
  transactions_.begin(options_.now(), space);
  for (auto& op : group) op->run(transactions_);
  transactions_.commit();
}

void sqlite_ledger::threads::read_loop() {
  read_group group;
  while (reads_.take(group, read_group_ops)) {
    answer(group);
    deliver(group);
  }
}

void sqlite_ledger::threads::answer(read_group& group) {
  if (dead_) return refuse_all(group, errc::unavailable);
  try {
    reader_.begin(); // after the last of the group was asked: sees all that was committed before
    for (auto& op : group) op->run(reader_);
  } catch (const sqlite::error& why) {
    if (why.is_fatal()) give_up(why.what());
    refuse_all(group, errc::unavailable);
  }
  reader_.end();
}

void sqlite_ledger::threads::give_up(const std::string& why) {
  if (!dead_.exchange(true)) options_.fatal("ledger " + options_.file.string() + ": " + why);
}

// ---------------------------------------------------------------- the ledger

sqlite_ledger::sqlite_ledger(sqlite_ledger_options options, deliver_function deliver) {
  const auto file = options.file;
  threads_ =
      opening(file, [&options, &deliver] { return std::make_unique<threads>(std::move(options), std::move(deliver)); });
}

sqlite_ledger::~sqlite_ledger() = default;

void sqlite_ledger::accept(accept_jobs m, reply_to<accept_answers> reply) {
  threads_->write(std::move(m), std::move(reply));
}
void sqlite_ledger::cancel(cancel_job m, reply_to<cancel_answer> reply) {
  threads_->write(std::move(m), std::move(reply));
}
void sqlite_ledger::remove(delete_job m, reply_to<delete_answer> reply) {
  threads_->write(std::move(m), std::move(reply));
}
void sqlite_ledger::lead(take_leadership m, reply_to<leadership> reply) {
  threads_->write(std::move(m), std::move(reply));
}
void sqlite_ledger::grant(grant_batch m, reply_to<grant_answer> reply) {
  threads_->write(std::move(m), std::move(reply));
}
void sqlite_ledger::end(end_batch m, reply_to<end_answer> reply) { threads_->write(std::move(m), std::move(reply)); }
void sqlite_ledger::read(read_job m, reply_to<job_record> reply) { threads_->read(std::move(m), std::move(reply)); }
void sqlite_ledger::list(list_jobs m, reply_to<job_page> reply) { threads_->read(std::move(m), std::move(reply)); }
void sqlite_ledger::unfinished(unfinished_jobs m, reply_to<unfinished_page> reply) {
  threads_->read(std::move(m), std::move(reply));
}
void sqlite_ledger::referenced(std::vector<object_key_parts> objects, reply_to<std::vector<bool>> reply) {
  threads_->read(std::move(objects), std::move(reply));
}

} // namespace reel
