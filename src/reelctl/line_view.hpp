// line_view.hpp: The line at a glance as text for a screen: what `status` and `top` show. Pure but for the terminal's
// colours.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "messages/overview.hpp"

namespace reel::ctl {

struct screen_size {
  std::size_t columns = 80, rows = 24;
};

/// Fits the columns; the rows of workers are cut to fit the screen, and what is left out is said. `first_worker`: the
/// first one that is shown.
std::string status_text(const line_overview& o, const screen_size& size, std::size_t first_worker = 0);

boost::json::object status_json(const line_overview& o);

} // namespace reel::ctl
