// gateway_line.hpp: The thread-safe face of the gateway actor. HTTP threads put calls into an inbox; one small
// message wakes the actor per burst. It stands outside the actor class because it is what threads share with it:
// an atomic list of calls, a counter, and the handle that wakes the actor behind a mutex held for one copy.
//
// Bounded: at most `outstanding_max` calls without a reply; one more is answered errc::queue_full at once. A call
// that is dropped (the actor ended) is answered by its open_reply's end: errc::unavailable, or errc::unreachable once
// it has gone out to others, because then nobody knows what came of it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <variant>

#include "actors/gateway/burst_inbox.hpp"
#include "actors/gateway/line.hpp"

namespace reel {

/// A reply that will be given exactly once, whatever happens. Counts as outstanding until then.
template <class T> class open_reply {
public:
  open_reply(line_reply<T> reply, std::shared_ptr<std::atomic<std::size_t>> outstanding)
      : reply_{std::move(reply)}, outstanding_{std::move(outstanding)} {}
  open_reply(open_reply&& other) noexcept
      : reply_{std::exchange(other.reply_, nullptr)}, outstanding_{std::move(other.outstanding_)},
        if_dropped_{other.if_dropped_} {}
  open_reply& operator=(open_reply&&) = delete;
  ~open_reply() { give(failed{if_dropped_}); }

  void has_gone_out() { if_dropped_ = errc::unreachable; }

  void give(outcome<T, errc> answer) {
    if (!reply_) return;
    --*outstanding_;
    std::exchange(reply_, nullptr)(std::move(answer));
  }

private:
  line_reply<T> reply_;
  std::shared_ptr<std::atomic<std::size_t>> outstanding_;
  errc if_dropped_ = errc::unavailable;
};

template <class Message, class Answer> struct line_call {
  Message message;
  open_reply<Answer> reply;
};
struct line_watch {
  line::watch_id watch = 0;
  job_id job;
  line::update_handler on_update; ///< empty: forget this watch
};
using accept_call = line_call<job_request, accept_answer>;
using read_call = line_call<read_job, job_view>;
using list_call = line_call<list_jobs, view_page>;
using cancel_call = line_call<cancel_job, cancel_answer>;
using delete_call = line_call<delete_job, delete_answer>;
using reprioritise_call = line_call<reprioritise_job, reprioritise_answer>;
using pause_call = line_call<set_pause, pause_list>;
using breaker_call = line_call<set_breaker, breakers_view>;
using quota_call = line_call<read_quota, quota_view>;
using overview_call = line_call<describe_line, line_overview>;
using object_call = line_call<read_object, object_slice>;
using any_line_call = std::variant<accept_call, read_call, list_call, cancel_call, delete_call, reprioritise_call,
                                   pause_call, breaker_call, quota_call, overview_call, object_call, line_watch>;

/// Shared by a gateway_line and the actor that serves it at the time.
class gateway_inbox {
public:
  /// The actor, when it starts and when it ends. `wake` is called from any thread.
  void open(std::function<void()> wake);
  void close();
  std::vector<any_line_call> take_all() { return calls_.take_all(); }

  void push(any_line_call call);

  std::atomic<errc> ledger{errc::unavailable}; ///< how its last probe ended, set by the actor
  std::atomic<errc> accepting{errc::ok};       ///< what kept jobs out lately, set by the actor
  const std::shared_ptr<std::atomic<std::size_t>> outstanding = std::make_shared<std::atomic<std::size_t>>(0);

private:
  burst_inbox<any_line_call> calls_;
  std::atomic<bool> closed_{true};
  std::mutex mutex_;
  std::function<void()> wake_;
};

class gateway_line final : public line {
public:
  gateway_line(std::shared_ptr<gateway_inbox> inbox, std::size_t outstanding_max)
      : inbox_{std::move(inbox)}, outstanding_max_{outstanding_max} {}

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

private:
  template <class Message, class Answer> void put(Message m, line_reply<Answer> reply);

  std::shared_ptr<gateway_inbox> inbox_;
  std::size_t outstanding_max_;
  std::atomic<watch_id> last_watch_{0};
};

} // namespace reel
