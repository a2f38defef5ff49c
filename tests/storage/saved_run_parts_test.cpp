// saved_run_parts_test.cpp: What is packed into objects is what a download of them gives, however it is sliced; and
// whatever is damaged, missing or exchanged on the way is noticed. Method: objects in a map, read as a store would.
#include <catch2/catch_test_macros.hpp>
#include <map>

#include "actors/storage/saved_run_parts.hpp"
#include "runtime/limits.hpp"
#include "tests/support/samples.hpp"

using namespace reel;

namespace {

blob bytes_of(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>((i * 2654435761u >> 13) + (i >> 20));
  return blob{std::move(bytes)};
}

/// The objects of one saved run.
struct stored_run {
  explicit stored_run(const blob& bytes) {
    auto packed = pack_run(bytes);
    for (const auto& part : packed.parts) put(part);
    run = {put(packed.list), packed.size_bytes, 3};
  }
  std::string put(const run_part& part) {
    auto key = make_object_key(object_prefix({"acme"}, sample::job(1), 1, 4), artifact::saved_run, part.sha256);
    objects[key] = part.data;
    return key;
  }

  /// Slice by slice; empty: not what was saved.
  std::optional<blob> fetch(std::size_t slice_bytes = limits::object_slice_bytes_max) const {
    run_download d{run};
    while (auto m = d.next()) {
      auto found = objects.find(m->key);
      if (found == objects.end()) return {};
      auto& data = found->second;
      auto size = std::min<std::size_t>(slice_bytes, data.size() - m->offset);
      d.take({data.size(), blob{{data.owner(), data.data() + m->offset}, size}});
    }
    if (!d.is_complete()) return {};
    CHECK_FALSE(d.is_corrupt());
    return d.bytes();
  }

  std::map<std::string, blob> objects;
  saved_run run;
};

} // namespace

TEST_CASE("a saved run of any size comes back as it was") {
  constexpr auto part = limits::saved_run_part_bytes;
  for (std::size_t size : {std::size_t{1}, std::size_t{1000}, part - 1, part, part + 1, 2 * part + 12345}) {
    auto bytes = bytes_of(size);
    stored_run stored{bytes};
    CHECK(stored.objects.size() == (size + part - 1) / part + 1);
    CHECK(stored.run.size_bytes == size);
    auto found = stored.fetch();
    REQUIRE(found);
    CHECK(*found == bytes);
  }
  auto small = bytes_of(100);
  CHECK(*stored_run{small}.fetch(7) == small);
}

TEST_CASE("a flipped bit, a missing part, bytes too many or too few are noticed") {
  const stored_run good{bytes_of(limits::saved_run_part_bytes + 10)};
  for (const auto& [key, data] : good.objects) {
    auto bytes = std::vector<std::uint8_t>{data.bytes().begin(), data.bytes().end()};
    auto with = [&, &key = key](std::vector<std::uint8_t> other) {
      auto bad = good;
      bad.objects[key] = blob{std::move(other)};
      return bad.fetch();
    };
    auto flipped = bytes, longer = bytes, shorter = bytes;
    flipped[bytes.size() / 2] ^= 1;
    longer.push_back(0);
    shorter.pop_back();
    CHECK_FALSE(with(flipped));
    CHECK_FALSE(with(longer));
    CHECK_FALSE(with(shorter));
    CHECK_FALSE(with({}));
    auto missing = good;
    missing.objects.erase(key);
    CHECK_FALSE(missing.fetch());
  }
}

TEST_CASE("a key that is none, another's size or one that no worker can hold asks the store for nothing") {
  stored_run stored{bytes_of(10)};
  auto other_size = stored;
  ++other_size.run.size_bytes;
  CHECK_FALSE(other_size.fetch());
  auto video = make_object_key(object_prefix({"acme"}, sample::job(1), 1, 4), artifact::video, {});
  const auto& key = stored.run.key;
  for (const auto& bad : {saved_run{}, saved_run{"../etc", 10, 3}, saved_run{video, 10, 3}, saved_run{key, 0, 3},
                          saved_run{key, limits::saved_run_bytes_max + 1, 3}})
    CHECK_FALSE(run_download{bad}.next());
}

TEST_CASE("a list that is not one names no parts") {
  auto list = [](const std::string& text) { return parse_part_list(blob::copy_of(text), 10); };
  const std::string hash(64, 'a'), good = "reel-run 1\n" + hash + " 4\n" + hash + " 6\n";
  CHECK(list(good).size() == 2);
  for (const auto& bad : {std::string{}, std::string{"reel-run 2\n"}, std::string{"reel-run 1\n"}, good + "x",
                          good + "\n", "reel-run 1\n" + hash + " 10", "reel-run 1\n" + hash + " 0\n" + hash + " 10\n",
                          "reel-run 1\n" + hash + " -10\n", "reel-run 1\n" + hash + " 18446744073709551626\n",
                          "reel-run 1\n" + std::string(64, 'g') + " 10\n"})
    CHECK(list(bad).empty());
}
