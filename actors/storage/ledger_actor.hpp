// ledger_actor.hpp: The ledger as the cluster sees it: forwards every message, answers when the ledger does,
// and tells the scheduler what was accepted (step 3 of a job's way). Decides nothing.
//
// The ledger is built first, in main(), so that a bad file refuses to start:
//
//   auto replies = std::make_shared<delivery_point>();
//   auto led = std::make_shared<sqlite_ledger>(options, [replies](auto run) {
//   replies->deliver(std::move(run)); }); auto actor = act::spawn_shell<ledger_actor>(system, led, replies,
//   scheduler, ledger_actor_options{});
#pragma once

#include "actors/protocols.hpp"
#include "actors/storage/delivery.hpp"
#include "actors/storage/ledger.hpp"
#include "actors/storage/queue_notifier.hpp"

namespace reel {

struct notify_again {};

struct ledger_actor_options {
  std::chrono::milliseconds notice_deadline{1000}; ///< for the scheduler's answer
  std::chrono::milliseconds notice_pause{1000};    ///< before it is told to read the ledger
  bool theme = true;                               ///< does the scheduler look at what prompts are about
};

class ledger_actor {
public:
  static constexpr const char* name = "ledger";
  using interface = act::ref<extended<ledger_protocol, void(run_replies), void(notify_again)>>;

  ledger_actor(interface::pointer self, std::shared_ptr<ledger> led, std::shared_ptr<delivery_point> replies,
               scheduler_ref scheduler, ledger_actor_options options);
  interface::behavior_type make_behavior();

private:
  caf::result<accept_answers> on_accept_jobs(accept_jobs m);
  void on_accepted(const accept_answers& all, std::vector<waiting_job> asked);
  void on_run_replies(run_replies& m);
  void on_notify_again();
  void notify();
  template <class Answer, class Message>
  caf::result<Answer> forward(void (ledger::*call)(Message, reply_to<Answer>), Message m);

  interface::pointer self_;
  std::shared_ptr<ledger> ledger_;
  std::shared_ptr<delivery_point> replies_;
  scheduler_ref scheduler_;
  const ledger_actor_options options_;
  queue_notifier notices_;
  /// A reply may come after this shell has crashed and another one runs in its place: it is dropped, because
  /// a dead actor's promises must not be touched. The asker hears of it by its deadline, the scheduler by being
  /// told to read the ledger.
  std::shared_ptr<ledger_actor*> alive_ = std::make_shared<ledger_actor*>(this);
};

} // namespace reel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::notify_again)
