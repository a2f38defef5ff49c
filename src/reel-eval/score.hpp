// score.hpp: How often videos show what was asked for, by split and attribute, and how sure that is. Values; any
// thread.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "src/world/judge.hpp"

namespace reel::eval {

/// Right ones among those that were asked for.
struct share {
  std::size_t right = 0, asked = 0;

  void add(std::optional<bool> verdict) {
    if (!verdict) return;
    ++asked;
    right += *verdict;
  }
  double value() const { return asked == 0 ? 0 : static_cast<double>(right) / static_cast<double>(asked); }
};

/// Where the true share lies 95 times of 100 (Wilson's interval: it stays within 0 to 1 and works for few trials).
struct interval {
  double low = 0, high = 1;
};
interval interval_of(const share& s);

/// What is judged, and "all" of it.
inline constexpr std::size_t attributes = world::judged_names.size() + 1;
std::string_view attribute_name(std::size_t i);

struct split_score {
  std::string split;
  std::size_t prompts = 0;
  std::array<share, attributes> shares;
};

class score {
public:
  void add(const std::string& split, const world::verdict& v);

  /// In the order in which they came, then "total".
  std::vector<split_score> splits() const;

private:
  std::vector<split_score> splits_;
};

/// For people: percent and its interval per attribute; "-": nobody asked.
std::string table_of(const std::vector<split_score>& splits);
boost::json::array to_json(const std::vector<split_score>& splits);

/// What --require asks for: "colour=0.99,shape=0.9", over all splits.
struct requirement {
  std::size_t attribute = 0;
  double least = 0; ///< 0 to 1
};
/// Throws std::invalid_argument with what is wrong.
std::vector<requirement> parse_requirements(const std::string& text);

/// A line for each that is not met; what nobody asked for is not met either.
std::vector<std::string> unmet(const std::vector<requirement>& wanted, const split_score& total);

} // namespace reel::eval
