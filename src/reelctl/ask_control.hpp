// ask_control.hpp: What most commands do: one question to the node with the scheduler.
#pragma once

#include "src/reelctl/cluster_link.hpp"
#include "src/reelctl/commands.hpp"

namespace reel::ctl {

/// Throws api_error without an answer. `repeatable`: asking twice does no harm.
template <class Answer, class Ask> Answer ask_control(const cluster_options& o, const Ask& m, bool repeatable = true) {
  return o.link->ask<Answer>(o, node_role::scheduler, m, repeatable);
}

} // namespace reel::ctl
