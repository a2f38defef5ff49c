// history_maker.hpp: Plays a small cluster that keeps every promise, and writes down its history: random submits,
// grants in the right order, retries, losses of workers, new leaders, cancels, fallbacks, deliveries, reads. Nothing of
// the product's code; no clock but its own. The same seed gives the same history.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <vector>

#include "src/reel-check/history.hpp"

namespace reel::check {

struct maker_options {
  std::size_t jobs = 60;
  std::size_t workers = 2;
  std::int64_t step_us = 60'000;       ///< at most between two things that happen
  std::int64_t per_day_max = 15;       ///< of tenant t0, whose days have a minute
  std::uint32_t unknown_permille = 80; ///< submits whose answer is lost
};

using line_sink = std::function<void(observer_kind, boost::json::object)>;

/// Lines of each observer come in their order, without first and last ones.
void make_history(std::uint64_t seed, const maker_options& options, const line_sink& sink);

boost::json::object first_line(observer_kind observer);
boost::json::object last_line(std::size_t lines_before);

/// All in memory, to be changed by a test before it is checked.
struct made_history {
  std::map<observer_kind, std::vector<boost::json::object>> files;

  std::vector<boost::json::object>& operator[](observer_kind k) { return files[k]; }
  std::vector<input> inputs() const;
};
made_history make_history(std::uint64_t seed, const maker_options& options = {});

} // namespace reel::check
