// gateway_actor.hpp: Carries the calls of a gateway_line to ledger, scheduler and object store, and their answers
// back. One per node with the gateway role; a pooled actor, nothing in it blocks.
//
// Jobs travel in bulk when there are many: while `accept_asks_max` messages to the ledger are unanswered, new jobs
// gather for the next one, at most limits::accept_jobs_max and `accept_bytes_max` in it. An idle line adds no wait.
//
// Every ask has a deadline, and a job that has waited as long as one for its turn is refused: it was certainly not
// taken, and its client still listens. A silent scheduler costs only the live part of a view.
//
// The line is ready while the ledger answers, which is asked once a second, and while the last jobs were not kept out.
// That is forgotten after a while: a line that is not ready gets no jobs that could show that it is again.
#pragma once

#include <deque>
#include <map>
#include <set>

#include "actors/gateway/gateway_line.hpp"
#include "actors/protocols.hpp"
#include "runtime/limits.hpp"

namespace reel {

/// From threads that put calls into the inbox: there is something in it.
struct gateway_wake {
  bool operator==(const gateway_wake&) const = default;
};
/// To itself, once per `probe_every`.
struct gateway_tick {
  bool operator==(const gateway_tick&) const = default;
};

} // namespace reel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::gateway_wake)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::gateway_tick)

namespace reel {

struct gateway_options {
  node_id self;                                              ///< where the scheduler sends updates of watched jobs
  std::size_t outstanding_max = 4096;                        ///< calls without a reply: four for each connection
  std::size_t accept_asks_max = 2;                           ///< one being committed, one on its way
  std::size_t accept_bytes_max = limits::body_bytes_max / 2; ///< of the jobs in one message
  std::chrono::milliseconds accept_deadline{10'000};         ///< and the longest wait before; two < answer_time
  std::chrono::milliseconds read_deadline{5'000};
  std::chrono::milliseconds live_deadline{1'000};
  std::chrono::milliseconds command_deadline{12'000}; ///< longer than the scheduler waits for the ledger
  std::chrono::milliseconds object_deadline{10'000};
  std::chrono::milliseconds probe_every{1'000};
  std::chrono::milliseconds trouble_kept{5'000};
  std::chrono::milliseconds rewatch_every{5'000};
};

class gateway_shell {
public:
  using interface = act::ref<act::protocol<void(job_update), void(gateway_wake), void(gateway_tick)>>;
  static constexpr const char* name = "gateway";

  gateway_shell(interface::pointer self, gateway_options o, std::shared_ptr<gateway_inbox> inbox, ledger_ref ledger,
                scheduler_ref scheduler, operations_ref operations, objects_ref objects);
  ~gateway_shell() { inbox_->close(); }

  interface::behavior_type make_behavior();

private:
  void on_gateway_wake();
  void on_gateway_tick();
  void on_job_update(const job_update& m);

  void on_call(accept_call c) { accepts_.push_back({std::move(c), woken_at_}); }
  void on_call(read_call c);
  void on_call(list_call c);
  void on_call(cancel_call c);
  void on_call(delete_call c);
  void on_call(reprioritise_call c);
  void on_call(pause_call c);
  void on_call(breaker_call c);
  void on_call(quota_call c);
  void on_call(overview_call c);
  void on_call(object_call c);
  void on_call(line_watch c);

  using accept_replies = std::vector<open_reply<accept_answer>>;
  void send_accepts();
  void refuse_old_accepts();
  void ask_accept();
  void on_accepted(accept_replies& replies, outcome<accept_answers, errc> answers);
  void remember_trouble(errc code);

  void ask_live(job_record record, std::shared_ptr<open_reply<job_view>> reply);
  struct open_page;
  void ask_live(const std::shared_ptr<open_page>& page);
  template <class Message, class Answer> void command(line_call<Message, Answer> c);
  void tell_watched();
  void probe_ledger();

  interface::pointer self_;
  gateway_options options_;
  std::shared_ptr<gateway_inbox> inbox_;
  ledger_ref ledger_;
  scheduler_ref scheduler_;
  operations_ref operations_;
  objects_ref objects_;

  struct waiting_accept {
    accept_call call;
    instant since;
  };
  std::deque<waiting_accept> accepts_; ///< bounded by outstanding_max
  std::size_t accept_asks_ = 0;
  instant woken_at_{};
  instant trouble_until_{};

  std::map<line::watch_id, line_watch> watches_;
  std::map<job_id, std::set<line::watch_id>> watched_;
  bool watched_changed_ = false;
  bool probing_ = false;
  instant rewatch_at_{};
};

/// The line, and the actor behind it. The actor may be started again on the same inbox after it has ended.
struct gateway_parts {
  std::shared_ptr<gateway_inbox> inbox;
  std::shared_ptr<line> to;
};
gateway_parts make_gateway_line(const gateway_options& o);

} // namespace reel
