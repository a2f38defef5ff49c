// history_actor.hpp: Hands the audit log of a ledger file out to operators, page by page. Reads on connections of its
// own and on a thread of its own, so that neither the ledger nor anybody who waits for it notices.
#pragma once

#include "actors/history_protocol.hpp"
#include "actors/storage/delivery.hpp"
#include "actors/storage/sqlite/history_reader.hpp"
#include "actors/storage/task_threads.hpp"

namespace reel {

class history_actor {
public:
  using interface = act::ref<extended<history_protocol, void(run_replies)>>;
  static constexpr const char* name = "history";

  history_actor(interface::pointer self, std::string ledger_file) : self_{self}, file_{std::move(ledger_file)} {}

  interface::behavior_type make_behavior() {
    return {
        [this](const read_history& m) { return on_read_history(m); },
        [](run_replies& m) { m.run(); },
    };
  }

private:
  static constexpr std::size_t waiting_max = 16; ///< operators are few, and ask for one page after the other

  caf::result<history_page> on_read_history(const read_history& m) {
    auto promise = self_->make_response_promise<history_page>();
    auto finish = [promise](outcome<history_page, errc> page) mutable {
      if (page)
        promise.deliver(*std::move(page));
      else
        promise.deliver(act::error_of(page.error()));
    };
    const bool taken = threads_.submit([me = replies_of(self_), file = file_, m, finish] {
      auto page = try_call<history_page>("audit log", [&] {
        sqlite::connection db{file, {.read_only = true}};
        return sqlite::history_reader{db}.run(m);
      });
      act::post(me, run_replies{[finish, page = std::move(page)]() mutable { finish(std::move(page)); }});
    });
    if (!taken) promise.deliver(act::error_of(errc::queue_full));
    return promise;
  }

  interface::pointer self_;
  const std::string file_;
  task_threads threads_{1, waiting_max};
};

} // namespace reel
