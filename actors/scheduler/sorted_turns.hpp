// sorted_turns.hpp: The waiting jobs of one lane in order. Blocks of at most `block_most` turns, each sorted, one after
// the other: the first is at hand, adding at the end (what mostly happens) touches one block, and a job costs 32 to 64
// bytes where a tree with ranks costs 88 and a cache miss per level, which is what a plan over a million jobs is made
// of.
//
// Value type. Adding and removing move at most one block, and for every block_most / 2 added ones the list of blocks.
// rank() counts blocks: 8,000 for half a million jobs of one tenant, about 10 us, asked only for views.
#pragma once

#include <algorithm>
#include <functional>
#include <tuple>
#include <vector>

#include "messages/storage.hpp"

namespace reel {

/// Order inside a tenant: those that take its next turn, then the earliest deadline, then the oldest (an id sorts by
/// creation).
struct turn {
  wall_time deadline{};
  job_id id;
  bool is_next = false;    ///< takes its tenant's next turn
  std::uint64_t theme = 0; ///< a copy, at hand where many are compared; no part of the order
  auto operator<=>(const turn& o) const {
    return std::tie(o.is_next, deadline, id) <=> std::tie(is_next, o.deadline, o.id);
  }
  bool operator==(const turn& o) const { return (*this <=> o) == 0; }
};

class sorted_turns {
public:
  static constexpr std::size_t block_most = 64;

  bool empty() const { return blocks_.empty(); }
  const turn& first() const { return blocks_.front().back(); }

  void insert(const turn& t) {
    if (blocks_.empty()) {
      blocks_.push_back({t});
      return;
    }
    auto block = block_of(t);
    block->insert(std::ranges::lower_bound(*block, t, std::greater{}), t);
    if (block->size() <= block_most) return;
    // What was added at the very end will be followed by more: leave the full block as it is.
    bool at_end = block + 1 == blocks_.end() && block->front() == t;
    auto later = block->begin() + (at_end ? 1 : block_most / 2);
    std::vector<turn> upper(block->begin(), later);
    block->erase(block->begin(), later);
    blocks_.insert(block + 1, std::move(upper));
  }

  void erase(const turn& t) {
    if (blocks_.empty()) return;
    auto block = block_of(t);
    auto found = std::ranges::lower_bound(*block, t, std::greater{});
    if (found == block->end() || *found != t) return;
    block->erase(found);
    if (block->empty()) blocks_.erase(block);
  }

  /// How many come before.
  std::size_t rank(const turn& t) const {
    std::size_t before = 0;
    for (const auto& b : blocks_) {
      if (!(b.front() < t))
        return before + static_cast<std::size_t>(b.end() - std::ranges::upper_bound(b, t, std::greater{}));
      before += b.size();
    }
    return before;
  }

  void for_each(const auto& visit) const {
    for (const auto& b : blocks_)
      for (const auto& t : b) visit(t);
  }

  /// The first `most`, in order.
  void for_first(std::size_t most, const auto& visit) const {
    for (const auto& b : blocks_)
      for (auto t = b.rbegin(); t != b.rend(); ++t, --most) {
        if (most == 0) return;
        visit(*t);
      }
  }

private:
  /// The first block that ends at or after it, else the last.
  std::vector<std::vector<turn>>::iterator block_of(const turn& t) {
    auto at = std::ranges::lower_bound(blocks_, t, {}, [](const auto& b) -> const turn& { return b.front(); });
    return at == blocks_.end() ? at - 1 : at;
  }

  std::vector<std::vector<turn>> blocks_; ///< no empty ones
};

} // namespace reel
