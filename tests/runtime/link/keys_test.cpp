// keys_test.cpp: Key files come back as written, are never overwritten by accident, and refuse whatever could
// leak or mix up a key. Error texts name the file and show no key.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/link/keys.hpp"

using namespace reel;
using Catch::Matchers::ContainsSubstring;

namespace {

namespace fs = std::filesystem;

struct folder {
  folder() {
    char name[] = "/tmp/reel-keys-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~folder() { fs::remove_all(path); }
  fs::path path;
};

std::string refusal(const folder& f, const node_id& node) {
  try {
    load_key_files(f.path, node);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "none";
}

mode_t mode_of(const fs::path& p) {
  struct stat s {};
  REQUIRE(::stat(p.c_str(), &s) == 0);
  return s.st_mode & 07777;
}

const node_id node{"alpha"};

} // namespace

TEST_CASE("a pair reads back as it was written, the secret for its owner only") {
  folder f;
  const auto keys = create_key_files(f.path, node);
  CHECK(keys.public_key.size() == 40);
  CHECK(keys.secret_key.size() == 40);
  CHECK(load_key_files(f.path, node) == keys);
  CHECK(load_public_key(f.path, node) == keys.public_key);
  CHECK(public_key_of(keys.secret_key) == keys.public_key);
  CHECK(mode_of(f.path / "alpha.secret") == 0600);
}

TEST_CASE("an existing key of either kind is not overwritten unless asked") {
  folder f;
  const auto first = create_key_files(f.path, node);
  CHECK_THROWS_WITH(create_key_files(f.path, node), ContainsSubstring("alpha.secret"));
  CHECK(load_key_files(f.path, node) == first);
  fs::remove(f.path / "alpha.secret");
  CHECK_THROWS_WITH(create_key_files(f.path, node), ContainsSubstring("alpha.public"));
  CHECK_FALSE(fs::exists(f.path / "alpha.secret"));
  const auto second = create_key_files(f.path, node, true);
  CHECK(load_key_files(f.path, node) == second);
  CHECK_FALSE(second == first);
  CHECK(mode_of(f.path / "alpha.secret") == 0600);
}

TEST_CASE("a secret that others may read is refused") {
  folder f;
  create_key_files(f.path, node);
  for (mode_t mode : {0640, 0604, 0620, 0601}) {
    REQUIRE(::chmod((f.path / "alpha.secret").c_str(), mode) == 0);
    CHECK_THAT(refusal(f, node), ContainsSubstring("alpha.secret") && ContainsSubstring("0600"));
  }
}

TEST_CASE("missing, foreign and damaged keys are refused by file name, without showing them") {
  folder f;
  CHECK_THAT(refusal(f, node), ContainsSubstring("alpha.secret") && ContainsSubstring("No such file"));
  const auto keys = create_key_files(f.path, node);
  const auto other = create_key_files(f.path, node_id{"beta"});
  fs::copy_file(f.path / "beta.public", f.path / "alpha.public", fs::copy_options::overwrite_existing);
  CHECK_THAT(refusal(f, node), ContainsSubstring("alpha.public") && ContainsSubstring("does not belong"));
  for (const std::string& damaged : {std::string{}, keys.secret_key.substr(1), keys.secret_key + "x",
                                     "~" + keys.secret_key.substr(1), std::string(5000, 'a')}) {
    std::ofstream{f.path / "alpha.secret"} << damaged;
    const auto text = refusal(f, node);
    CHECK_THAT(text, ContainsSubstring("alpha.secret"));
    CHECK_THAT(text, !ContainsSubstring(keys.secret_key.substr(5, 20)));
  }
}

TEST_CASE("a name that is no node id cannot lead out of the folder") {
  folder f;
  CHECK_THROWS(create_key_files(f.path / "sub", node_id{"../alpha"}));
  CHECK_THROWS(load_public_key(f.path, node_id{"../alpha"}));
  CHECK_FALSE(fs::exists(f.path / "alpha.secret"));
}

TEST_CASE("a folder that does not exist is named") {
  CHECK_THROWS_WITH(create_key_files("/tmp/reel-no-such-folder", node), ContainsSubstring("/tmp/reel-no-such-folder"));
}
