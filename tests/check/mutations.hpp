// mutations.hpp: One defect put into a good history, as a broken product would have left it.
#pragma once

#include <random>
#include <string>

#include "src/reel-check/findings.hpp"
#include "tests/check/history_maker.hpp"

namespace reel::check {

struct mutation {
  std::string name;
  std::vector<invariant> breaks; ///< one of these has to be reported
  /// False when this history has no place for it: it is then as it was.
  std::function<bool(made_history&, std::mt19937_64&)> apply;
};

const std::vector<mutation>& mutations();

} // namespace reel::check
