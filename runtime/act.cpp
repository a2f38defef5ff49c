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

system_config::system_config(int threads) {
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", static_cast<std::size_t>(threads));
}

} // namespace reel::act
