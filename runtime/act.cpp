#include "runtime/act.hpp"

namespace reel::act {

namespace {

constexpr auto category = caf::atom("reel");

} // namespace

caf::error error_of(errc code) { return caf::error{static_cast<std::uint8_t>(code), category}; }

errc code_of(const caf::error& why) {
  if (!why) return errc::ok;
  if (why.category() == category) return static_cast<errc>(why.code());
  if (why == caf::sec::request_timeout) return errc::timeout;
  if (why == caf::sec::request_receiver_down) return errc::unreachable;
  if (why.category() == caf::atom("exit")) return errc::unreachable;
  return errc::internal;
}

deadlines* coarse_deadlines(caf::actor_system& system) {
  auto* ours = dynamic_cast<const system_config*>(&system.config());
  return ours ? ours->coarse_deadlines.get() : nullptr;
}

system_config::system_config(int threads) : coarse_deadlines{std::make_unique<deadlines>()} {
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", static_cast<std::size_t>(threads));
}

system::~system() {
  actors.await_all_actors_done();
  config.coarse_deadlines->stop();
}

} // namespace reel::act
