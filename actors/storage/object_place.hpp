// object_place.hpp: Where the file store keeps the object of a key, and back. Pure.
//
//   t/acme/j/0193a5c2.../g1/f1-<sha256>.mp4   lies in   20261122-15/acme~0193a5c2...~g1~f1-<sha256>.mp4
//
// One folder per hour (UTC) in which jobs were created, taken from the job's id. Jobs of one batch are of
// about the same age, so their files share one or two folders and the fsyncs that make names durable are few;
// a person who looks finds time, tenant, job and kind in the name. Only keys that make_object_key() could
// have made have a place.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace reel {

struct object_place {
  std::string folder;
  std::string name;
  bool operator==(const object_place&) const = default;
};

std::optional<object_place> place_of(std::string_view key);
std::optional<std::string> key_at(const object_place& place);

} // namespace reel
