// black_box.hpp: What a worker process computes at the moment, written where its node can read it when the process is
// gone. A message would not do: a process that dies at once takes its last words with it, and then a batch that only
// stood beside would be blamed.
//
// One small file for each slot, mapped into the process: what it stored last is there however it ends. It says nothing
// about the end of the machine, after which nothing that ran is left to be judged.
//
// Written by one thread, the one that computes; read by the node between the end of one process and the start of the
// next.
#pragma once

#include <atomic>
#include <span>
#include <string>
#include <vector>

#include "messages/ids.hpp"

namespace reel {

class black_box {
public:
  static constexpr std::size_t batches_max = 8; ///< as many as a worker may have credits; more are left out

  /// The file is made, or emptied. No name: nothing is kept. Throws std::system_error.
  explicit black_box(const std::string& file = {});
  ~black_box();
  black_box(const black_box&) = delete;
  black_box& operator=(const black_box&) = delete;

  /// From now on, instead of what was said before. Costs some stores to memory.
  void computes(std::span<const batch_id> batches);

  /// Nothing where there is no such file, or it is none.
  static std::vector<batch_id> read(const std::string& file);

private:
  /// Written in turns: a process may end in the middle of one.
  struct record {
    std::uint32_t count;
    batch_id batches[batches_max];
  };
  struct content {
    std::atomic<std::uint32_t> current; ///< of the records
    record records[2];
  };
  static_assert(std::atomic<std::uint32_t>::is_always_lock_free && std::is_trivially_copyable_v<record>);

  content* content_ = nullptr; ///< mapped; null: keeps nothing
};

} // namespace reel
