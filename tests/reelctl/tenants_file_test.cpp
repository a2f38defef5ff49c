// tenants_file_test.cpp: Keys are changed in a file that people write: nothing else in it changes, and what would not
// be understood is left alone.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>

#include "src/reelctl/tenants_file.hpp"

using namespace reel;
using namespace reel::ctl;

namespace {

const std::string one = hash_api_key("one"), two = hash_api_key("two"), three = hash_api_key("three");

std::string file_of(const std::string& keys) {
  return "# ours\n[[tenant]] # the first\nid = \"globex\"\nkey_hashes = [\"" + two + "\"]\n\n[[tenant]]\n" + keys +
         "\nid = 'acme' # \u00fc\nqueued_jobs_max = 7\n";
}

} // namespace

TEST_CASE("the keys of one tenant change in a tenants file, and nothing else") {
  const auto before = file_of("  key_hashes = [ \"" + one + "\" ]  # \u00e4: since May");
  CHECK(with_keys(before, "f", {"acme"}, {three}) ==
        file_of("  key_hashes = [\"" + three + "\"]  # \u00e4: since May"));
  const auto more = with_keys(before, "f", {"acme"}, {one, three});
  CHECK(more == file_of("  key_hashes = [\"" + one + "\", \"" + three + "\"]  # \u00e4: since May"));
  CHECK(with_keys(more, "f", {"acme"}, {one}) == file_of("  key_hashes = [\"" + one + "\"]  # \u00e4: since May"));
}

TEST_CASE("keys on several lines are replaced as a whole") {
  const auto before = file_of("key_hashes = [\n  \"" + one + "\", # old\n  \"" + three + "\",\n]");
  CHECK(with_keys(before, "f", {"acme"}, {one}) == file_of("key_hashes = [\"" + one + "\"]"));
}

TEST_CASE("a tenant that is not there, and a file that is wrong, are said") {
  CHECK_THROWS_WITH(with_keys(file_of("key_hashes = [\"" + one + "\"]"), "f", {"initech"}, {three}),
                    "f: there is no tenant initech");
  CHECK_THROWS(with_keys("[[tenant]]\nid = \"acme\"\n", "f", {"acme"}, {three}));
}
