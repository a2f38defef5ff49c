// memory_line.hpp: The line's twin for tests: a ledger in a map. Replies come from a thread of its own, as in
// a real line, or inside the call.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "actors/gateway/line.hpp"

namespace reel {

class memory_line final : public line {
public:
  enum class replies { inside_the_call, from_a_thread };
  explicit memory_line(replies how = replies::from_a_thread);
  ~memory_line() override { stop(); }

  /// Ends the thread after what is waiting. To be called by the owner: a reply may hold the last other reference.
  void stop();

  void accept(job_request job, line_reply<accept_answer> reply) override;
  void read(read_job m, line_reply<job_view> reply) override;
  void list(list_jobs m, line_reply<view_page> reply) override;
  void cancel(cancel_job m, line_reply<cancel_answer> reply) override;
  void remove(delete_job m, line_reply<delete_answer> reply) override;
  void reprioritise(reprioritise_job m, line_reply<reprioritise_answer> reply) override;
  void pause(set_pause m, line_reply<pause_list> reply) override;
  void breaker(set_breaker m, line_reply<breakers_view> reply) override;
  void quota(read_quota m, line_reply<quota_view> reply) override;
  void overview(describe_line m, line_reply<line_overview> reply) override;
  void read_object(reel::read_object m, line_reply<object_slice> reply) override;
  watch_id watch(job_id id, update_handler on_update) override;
  void unwatch(watch_id id) override;
  line_readiness readiness() const override;

  // What tests do to it.
  void fail_all(errc code);                           ///< every call is answered so, until errc::ok
  void answer_full(std::uint32_t retry_after_s);      ///< every job is answered queue_full
  void answer_quota(errc code, quota_standing quota); ///< every job is answered so, until errc::ok without limits
  void swallow(bool all);                             ///< calls are never answered
  void hold_reads();                                  ///< answers keep what they found, until released
  void release_reads();
  std::size_t held_reads() const;
  void set_live(const job_id& id, std::optional<job_live> live); ///< and tells watchers
  void start(const job_id& id);                                  ///< its worker begins
  void finish(const job_id& id, std::string video, std::string thumbnail);
  void fail(const job_id& id, job_state state, errc code, std::string message);
  void set_overview(line_overview o);
  void set_class(const job_id& id, job_class cls);
  void lose_objects();
  std::vector<job_record> jobs() const;
  job_record job(const job_id& id) const;
  std::size_t watches() const;
  std::size_t object_reads() const;

private:
  struct row {
    job_record record;
    std::optional<job_live> live;
  };
  template <class T> void give(line_reply<T> reply, outcome<T, errc> answer);
  void post(std::function<void()> task);
  row* find(const tenant_id& tenant, const job_id& id);
  void tell(const row& r);

  mutable std::mutex mutex_;
  std::map<job_id, row> rows_;
  std::map<std::pair<tenant_id, std::string>, job_id> keys_;
  std::map<std::string, std::string> objects_;
  std::map<tenant_id, queue_pause> pauses_;
  std::map<watch_id, std::pair<job_id, update_handler>> watches_;
  watch_id last_watch_ = 0;
  line_overview overview_;
  errc failing_ = errc::ok;
  errc refusing_ = errc::ok;
  quota_standing quota_;
  std::uint32_t retry_after_s_ = 0;
  bool swallow_ = false;
  bool holds_reads_ = false;
  std::vector<std::function<void()>> held_reads_;
  std::size_t object_reads_ = 0;

  replies how_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool ending_ = false;
  std::thread thread_;
};

} // namespace reel
