// words_test.cpp: What a person types, without a terminal: words, what he may have meant, and what Tab offers.
#include <CLI/CLI.hpp>
#include <catch2/catch_test_macros.hpp>

#include "src/reelctl/completion.hpp"
#include "src/reelctl/words.hpp"

using namespace reel::ctl;
using names = std::vector<std::string>;

namespace {

/// A small table with everything that completion has to know.
struct small_table {
  CLI::App app{"test", "test"};
  bool json = false;
  std::string config, state, why;
  std::vector<std::string> ids;

  small_table() {
    app.fallthrough();
    app.add_flag("--json", json);
    app.add_option("--config", config)->type_name("FILE");
    auto* jobs = app.add_subcommand("jobs", "");
    jobs->add_option("--state", state)->check(CLI::IsMember({"queued", "failed", "leased"}));
    app.add_subcommand("job", "")->add_option("id", ids)->expected(1)->type_name("JOB");
    auto* cancel = app.add_subcommand("cancel", "");
    cancel->add_option("id", ids)->required()->type_name("JOB");
    cancel->add_option("--why", why);
    auto* watch = app.add_subcommand("watch", "");
    watch->prefix_command();
    watch->add_option("--every", why);
  }
  names complete(const names& before, const std::string& typed) {
    return completions(app, before, typed, [this](const std::string& kind) {
      asked.push_back(kind);
      return kind == "JOB" ? names{"video_a1", "video_a2", "video_b"} : names{};
    });
  }
  names asked;
};

} // namespace

TEST_CASE("a line is split as a shell does it") {
  CHECK(split_words("jobs --state failed").words == names{"jobs", "--state", "failed"});
  CHECK(split_words("  pause acme --why 'run away' ").words == names{"pause", "acme", "--why", "run away"});
  CHECK(split_words(R"(a "b c" d\ e '' "it's" 'say "x"')").words == names{"a", "b c", "d e", "", "it's", "say \"x\""});
  CHECK(split_words("").words.empty());
  CHECK(split_words("pause 'acme").open);
  CHECK_FALSE(split_words("pause 'acme'").open);
  CHECK(split_words("jobs ").at_space);
  CHECK_FALSE(split_words("jobs").at_space);
}

TEST_CASE("a quoted word comes back whole") {
  for (const auto* word : {"plain", "with space", "it's", "", "\"x\" \\ 'y'"}) {
    const auto again = split_words(quoted_word(word));
    CHECK(again.words == names{word});
    CHECK_FALSE(again.open);
  }
}

TEST_CASE("what is nearest is offered, and nothing where nothing is near") {
  const names there{"status", "jobs", "job", "breakers", "breaker", "drain"};
  CHECK(nearest("statsu", there) == "status");
  CHECK(nearest("jbos", there) == "jobs");
  CHECK(nearest("break", there) == "breakers");
  CHECK(nearest("drian", there) == "drain");
  CHECK_FALSE(nearest("xyzzy", there));
  CHECK(did_you_mean("statsu", there) == "; did you mean 'status'?");
  CHECK(did_you_mean("xyzzy", there).empty());
}

TEST_CASE("Tab offers commands, options, allowed values, and what exists of a kind") {
  small_table t;
  CHECK(t.complete({}, "jo") == names{"job", "jobs"});
  CHECK(t.complete({"--json"}, "ca") == names{"cancel"});
  CHECK(t.complete({"--config", "x.toml"}, "wa") == names{"watch"});
  CHECK(t.complete({"jobs"}, "--s") == names{"--state"});
  CHECK(t.complete({"jobs"}, "--j") == names{"--json"});
  CHECK(t.complete({"jobs", "--state"}, "") == names{"failed", "leased", "queued"});
  CHECK(t.complete({"jobs", "--state"}, "f") == names{"failed"});
  CHECK(t.asked.empty());
  CHECK(t.complete({"job"}, "video_a") == names{"video_a1", "video_a2"});
  CHECK(t.asked == names{"JOB"});
  CHECK(t.complete({"job", "video_a1"}, "").empty());
  CHECK(t.complete({"cancel", "video_a1", "--why", "because"}, "video_b") == names{"video_b"});
  CHECK(t.complete({"nothing"}, "").empty());
}

TEST_CASE("what watch runs is completed like a line of its own") {
  small_table t;
  CHECK(t.complete({"watch"}, "--e") == names{"--every"});
  CHECK(t.complete({"watch"}, "jo") == names{"job", "jobs"});
  CHECK(t.complete({"watch", "jobs", "--state"}, "l") == names{"leased"});
}

TEST_CASE("what all candidates begin with can be typed at once") {
  CHECK(common_beginning({"video_a1", "video_a2"}) == "video_a");
  CHECK(common_beginning({"job"}) == "job");
  CHECK(common_beginning({"a", "b"}).empty());
  CHECK(common_beginning({}).empty());
}
