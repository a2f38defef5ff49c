// storage_keys_test.cpp: Object keys are built from ids alone and read back exactly; nothing else is a key.
#include <catch2/catch_test_macros.hpp>

#include "messages/storage.hpp"

using namespace reel;

namespace {
object_key_parts example() {
  object_key_parts parts;
  parts.tenant.value = "acme";
  parts.job.bytes.fill(0xab);
  parts.generation = 2;
  parts.fence = 17;
  parts.sha256.bytes.fill(0x0c);
  return parts;
}
std::string key_of(const object_key_parts& p) {
  return make_object_key(object_prefix(p.tenant, p.job, p.generation, p.fence), p.kind, p.sha256);
}
} // namespace

TEST_CASE("a key reads back to its parts") {
  auto parts = example();
  CHECK(parse_object_key(key_of(parts)) == parts);
  for (auto kind : {artifact::thumbnail, artifact::saved_run}) {
    parts.kind = kind;
    CHECK(parse_object_key(key_of(parts)) == parts);
  }
}

TEST_CASE("whatever make_object_key would not have made is refused") {
  auto good = key_of(example());
  for (const auto& bad : {std::string{}, "/" + good, good + "x", good.substr(1), "t/../j" + good.substr(6),
                          good.substr(0, good.size() - 1), std::string{"t/acme/j/../g1/f1-00.mp4"}})
    CHECK_FALSE(parse_object_key(bad));
}
