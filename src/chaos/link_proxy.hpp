// link_proxy.hpp: Stands between two nodes and spoils the bytes of their link: late, slow, held back one way or both,
// damaged, cut off. Library reel_chaos_tools, used by reel-chaos and tests; it serves any TCP connection.
//
// It works on streams, not on frames: the link is encrypted (CURVE), each frame with a counter that must come in
// order, so that a frame dropped, repeated or swapped here would only be a damaged one. Those faults are made inside of
// a node, after decryption (point link.receive of runtime/fault/fault_point.hpp).
//
// One thread of its own; everything here may be called from any thread. What it does is drawn from the seed and the
// bytes that come by; when they come is the kernel's choice, so that equal seeds give alike runs, not equal ones.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace reel::chaos {

class link_proxy {
public:
  enum class direction { to_target, from_target, both };

  /// Of one direction. Chances are per piece of the stream, at most 16 KiB.
  struct conditions {
    std::chrono::milliseconds delay{0};
    std::chrono::milliseconds jitter{0}; ///< up to this more; the order of bytes stays
    std::uint64_t bytes_per_s = 0;       ///< 0: no bound
    bool hold = false;                   ///< nothing goes on; at most 1 MiB is taken in, then the sender is held up too
    double flip_chance = 0;              ///< one bit of the piece is another
    double truncate_chance = 0;          ///< the end of the piece is missing, and the connection ends by a reset
    double reset_chance = 0;             ///< the connection ends by a reset instead
  };

  struct figures {
    std::uint64_t connections = 0; ///< accepted
    std::uint64_t refused = 0;     ///< of these, those that the target did not take
    std::uint64_t bytes = 0;       ///< passed on, both ways
    std::uint64_t delayed = 0;     ///< pieces
    std::uint64_t throttled = 0;   ///< pieces that waited for the bandwidth
    std::uint64_t held = 0;        ///< pieces that came while held
    std::uint64_t flipped = 0;     ///< bits
    std::uint64_t truncated = 0;   ///< pieces
    std::uint64_t resets = 0;      ///< connections ended by us
    bool operator==(const figures&) const = default;
  };

  struct options {
    std::uint16_t target_port = 0; ///< of 127.0.0.1
    std::uint64_t seed = 1;
    std::uint16_t port = 0; ///< to listen on, of 127.0.0.1; 0: a free one
  };

  /// Listens; throws std::runtime_error. The target need not be there yet.
  explicit link_proxy(const options& o);
  ~link_proxy(); ///< ends all connections
  link_proxy(const link_proxy&) = delete;
  link_proxy& operator=(const link_proxy&) = delete;

  std::uint16_t port() const;
  std::string endpoint() const; ///< "tcp://127.0.0.1:port"

  void set(direction d, const conditions& c);
  void heal(); ///< no conditions; what was held goes on
  void reset_connections();
  void flip_next(); ///< one bit of the next piece, whichever way it goes
  figures counts() const;

private:
  class worker;
  std::unique_ptr<worker> worker_;
};

} // namespace reel::chaos
