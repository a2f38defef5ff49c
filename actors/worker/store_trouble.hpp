// store_trouble.hpp: What a worker makes of the object store's refusals. Pure.
#pragma once

#include "messages/errc.hpp"

namespace reel {

/// The store may take or give the same a little later.
constexpr bool may_pass(errc code) {
  return code == errc::unreachable || code == errc::timeout || code == errc::unavailable || code == errc::queue_full;
}

} // namespace reel
