// findings.hpp: What the check found: per invariant how much was checked and what was violated, and why a history that
// shows no violation still proves nothing. Value type.
#pragma once

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "src/reel-check/parser.hpp"

namespace reel::check {

enum class invariant : std::uint8_t { i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11, i12, i13, i14, i15, i16, count };
inline constexpr std::size_t invariants_count = static_cast<std::size_t>(invariant::count);
std::string name_of(invariant i);                   ///< "I1"
std::string_view description_of(invariant i);       ///< in a few words
invariant parse_invariant(const std::string& name); ///< throws std::invalid_argument

struct violation {
  invariant which = invariant::i1;
  std::string what;
  std::vector<line_ref> lines; ///< the events that show it, in the order of the files
  bool operator==(const violation&) const = default;
};

enum class verdict : std::uint8_t { valid, invalid, unknown };
std::string_view to_string(verdict v);

class findings {
public:
  static constexpr std::size_t kept_max = 20;     ///< violations shown per invariant; all are counted
  static constexpr std::size_t timeline_max = 24; ///< lines of one violation
  static constexpr std::size_t doubts_max = 100;  ///< reasons for "unknown"

  void checked(invariant i, std::uint64_t n = 1) { at(i).checked += n; }
  void violated(invariant i, std::string what, std::initializer_list<line_ref> lines);
  void violated(invariant i, std::string what, std::vector<line_ref> lines);
  void doubt(std::string why);

  std::uint64_t checked_of(invariant i) const { return at(i).checked; }
  std::uint64_t violated_of(invariant i) const { return at(i).violated; }
  const std::vector<violation>& violations() const { return violations_; }
  const std::vector<std::string>& doubts() const { return doubts_; }

  verdict result() const;
  bool holds() const { return result() == verdict::valid; }

private:
  struct tally {
    std::uint64_t checked = 0, violated = 0;
  };
  tally& at(invariant i) { return tallies_[static_cast<std::size_t>(i)]; }
  const tally& at(invariant i) const { return tallies_[static_cast<std::size_t>(i)]; }

  std::array<tally, invariants_count> tallies_{};
  std::vector<violation> violations_;
  std::vector<std::string> doubts_;
};

} // namespace reel::check
