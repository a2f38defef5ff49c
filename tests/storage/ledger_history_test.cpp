// ledger_history_test.cpp: The audit log that the SQLite ledger hands out, in the lines of reel-check. Method: jobs go
// every way there is, and what the lines say is compared with what was done; the pages of every size are the same
// lines.
#include <algorithm>
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

#include "actors/storage/sqlite/history_reader.hpp"
#include "tests/storage/ledger_world.hpp"

using namespace reel;
namespace json = boost::json;

namespace {

using world = ledger_world<sqlite_kind>;

struct read_lines {
  std::vector<json::object> lines; ///< by position
  std::string clock;
  std::size_t pages = 0;
};

/// On a connection of its own, beside the ledger that has the file open.
outcome<history_page, errc> page_of(world& w, const read_history& m) {
  sqlite::connection db{(w.folder.path() / "ledger.db").string(), {.read_only = true}};
  return sqlite::history_reader{db}.run(m);
}

read_lines all_of(world& w, read_history m) {
  read_lines all;
  std::vector<history_line> found;
  for (bool more = true; more; ++all.pages) {
    auto page = page_of(w, m);
    REQUIRE(page);
    found.insert(found.end(), page->lines.begin(), page->lines.end());
    all.clock = page->clock;
    m.after = page->next;
    m.position_max = page->position_max;
    more = !page->next.empty();
  }
  std::ranges::stable_sort(found, {}, &history_line::position);
  for (const auto& line : found) all.lines.push_back(json::parse(line.text).as_object());
  return all;
}

std::string text(const json::object& line, const char* key) { return std::string{line.at(key).as_string()}; }
std::int64_t number(const json::object& line, const char* key) { return line.at(key).to_number<std::int64_t>(); }

std::vector<std::string> ops(const std::vector<json::object>& lines) {
  std::vector<std::string> all;
  for (const auto& line : lines) all.push_back(text(line, "op"));
  return all;
}

std::vector<json::object> of_job(const std::vector<json::object>& lines, const job_id& id) {
  std::vector<json::object> own;
  for (const auto& line : lines)
    if (text(line, "job") == to_string(id)) own.push_back(line);
  return own;
}

} // namespace

TEST_CASE("a job's lines say what it asked for, where it ran, how it was released and what was committed") {
  world w;
  auto request = w.keyed("first \"key\"\n");
  request.prompt = "a red ball";
  request.webhook_url = "https://example.org/done";
  request.trace.bytes.fill(0xab);
  request.deadline = w.clock.now() + std::chrono::hours{1};
  REQUIRE(w.led.accept(request).code == errc::ok);
  w.clock.advance(std::chrono::seconds{2});
  auto first = w.leased(request.id);
  auto retry = world::how(first, verdict::retry);
  retry.cause = errc::crashed;
  retry.not_before = w.clock.now() + std::chrono::seconds{3};
  retry.times = {10, 200, 0, 0, 7};
  REQUIRE(w.end(first, retry) == errc::ok);
  auto second = w.leased(request.id);
  REQUIRE(w.end(second, verdict::succeeded) == errc::ok);

  const auto lines = all_of(w, {}).lines;
  REQUIRE(ops(lines) == std::vector<std::string>{"accept", "grant", "release", "grant", "commit"});
  for (std::size_t i = 0; i < lines.size(); ++i) CHECK(number(lines[i], "version") == static_cast<std::int64_t>(i + 1));

  CHECK(text(lines[0], "tenant") == "acme");
  CHECK(text(lines[0], "idem_key") == "first \"key\"\n");
  CHECK(text(lines[0], "payload_sha") == "9bc68b58423cea50482c3ca059001a649da8744068ef65ed02ac0f9fbba501f8");
  CHECK(text(lines[0], "class") == std::string{to_string(request.cls)});
  CHECK(text(lines[0], "model") == request.params.model.value);
  CHECK(lines[0].contains("deadline_ns"));
  CHECK(lines[0].contains("day"));
  CHECK(lines[0].at("push").as_bool());
  CHECK(text(lines[0], "x_trace") == "abababababababababababababababab");
  CHECK(number(lines[2], "x_denoise_ms") == 200);
  CHECK(number(lines[2], "x_steps") == 7);
  CHECK_FALSE(lines[4].contains("x_steps")); // nothing was measured

  CHECK(number(lines[1], "mono_ns") - number(lines[0], "mono_ns") == 2'000'000'000);
  CHECK(text(lines[1], "worker") == "workers-1/0");
  CHECK(text(lines[1], "batch") == to_string(first.batch));
  CHECK(number(lines[1], "fence") == 1);
  CHECK(number(lines[1], "term") == static_cast<std::int64_t>(w.term()));

  CHECK(lines[2].at("counted").as_bool());
  CHECK(text(lines[2], "cause") == "crashed");
  CHECK(number(lines[2], "not_before_ns") - number(lines[2], "mono_ns") == 3'000'000'000);

  CHECK(number(lines[4], "fence") == 2);
  CHECK(text(lines[4], "result_sha") == to_string(samples::sha256_of("video")));
  CHECK(text(lines[4], "result_key") ==
        make_object_key(object_prefix({"acme"}, request.id, 1, 2), artifact::video, samples::sha256_of("video")));
  CHECK(number(lines[4], "charged_ms") == 100);
}

TEST_CASE("cancels, ends, changes of class and removals have their lines") {
  world w;
  const auto waiting = w.accepted(), moved = w.accepted();
  w.cancel(waiting);
  REQUIRE(w.led.reprioritise(moved, job_class::free)->code == errc::ok);
  auto running = w.leased(), failing = w.leased();
  w.cancel(running.job);
  REQUIRE(w.end(running, verdict::succeeded) == errc::cancelled);
  REQUIRE(w.end(failing, verdict::dead_letter) == errc::ok);
  w.remove(failing.job);

  const auto lines = all_of(w, {}).lines;
  CHECK(ops(of_job(lines, waiting)) == std::vector<std::string>{"accept", "end"});
  CHECK_FALSE(of_job(lines, waiting).back().contains("fence")); // it never ran
  CHECK_FALSE(of_job(lines, waiting).front().contains("push"));
  CHECK(ops(of_job(lines, moved)) == std::vector<std::string>{"accept", "reprioritise"});
  CHECK(text(of_job(lines, moved).front(), "class") == "standard");
  CHECK(text(of_job(lines, moved).back(), "class") == "free");
  CHECK(ops(of_job(lines, running.job)) == std::vector<std::string>{"accept", "grant", "cancel_request", "end"});
  CHECK(text(of_job(lines, running.job).back(), "state") == "cancelled");
  const auto failed = of_job(lines, failing.job);
  CHECK(ops(failed) == std::vector<std::string>{"accept", "grant", "end", "remove"});
  CHECK(text(failed[2], "state") == "dead_letter");
}

TEST_CASE("pages of every size are the same lines, and what comes later is not among them") {
  world w;
  for (int i = 0; i < 5; ++i) REQUIRE(w.end(w.leased(), verdict::succeeded) == errc::ok);
  const auto whole = all_of(w, {});
  CHECK(whole.lines.size() == 15);
  CHECK(whole.pages == 1);
  for (std::uint32_t size : {1, 2, 7, 14, 15}) {
    auto paged = all_of(w, {.lines_max = size});
    CHECK(paged.lines == whole.lines);
    CHECK(paged.pages == (15 + size - 1) / size);
  }
  const auto first = page_of(w, {.lines_max = 4});
  REQUIRE(first);
  w.accepted();
  read_history rest{.after = first->next, .position_max = first->position_max};
  CHECK(all_of(w, rest).lines.size() == 11);
  CHECK(all_of(w, {.part = history_part::leaders}).lines.size() == 1);
  CHECK(page_of(w, {.after = "no place"}).error() == errc::invalid_argument);
}

TEST_CASE("one job's lines alone, rows, and what tenants were charged") {
  world w;
  auto l = w.leased();
  w.accepted("globex");
  REQUIRE(w.end(l, verdict::succeeded) == errc::ok);
  CHECK(ops(all_of(w, {.job = l.job}).lines) == std::vector<std::string>{"accept", "grant", "commit"});
  for (std::uint32_t size : {1, 9}) {
    const auto rows = all_of(w, {.part = history_part::jobs, .lines_max = size}).lines;
    REQUIRE(rows.size() == 2);
    CHECK(text(rows[0], "state") == "succeeded");
    CHECK(text(rows[0], "result_sha") == to_string(samples::sha256_of("video")));
    CHECK(text(rows[1], "state") == "queued");
    const auto charged = all_of(w, {.part = history_part::tenants, .lines_max = size}).lines;
    REQUIRE(charged.size() == 2);
    CHECK(number(charged[0], "charged_ms") == 100);
    CHECK(number(charged[1], "charged_ms") == 0);
  }
}

TEST_CASE("times are of the machine's monotonic clock as long as there was one, and of the wall clock otherwise") {
  world w;
  w.accepted();
  const auto own = all_of(w, {});
  CHECK(own.clock.starts_with("boot-"));
  CHECK(number(own.lines[0], "mono_ns") == 50'000'000'000);
  w.held.reset();
  sqlite::connection{(w.folder.path() / "ledger.db").string(), {}}.run("UPDATE clock SET name = 'boot-before'");
  {
    sqlite_ledger again{small_sqlite(w.folder, w.clock), run_at_once};
    REQUIRE(ledger_caller{again}.accept(w.request()).code == errc::ok);
  }
  const auto both = all_of(w, {});
  CHECK(both.clock == "wall");
  CHECK(number(both.lines[0], "mono_ns") == 1'800'000'000'000'000'000);
  CHECK(number(both.lines[1], "position") == 2);
}

TEST_CASE("what happened to the cluster has its lines between those of jobs, whatever the size of pages") {
  world w;
  const auto term = w.term();
  const auto job = w.accepted(), other = w.accepted();
  REQUIRE(w.led.note(
      {{note_kind::member, note_state::suspect, "workers-1", {}, {}, 0},
       {note_kind::worker, note_state::down, "workers-1/0", {}, {}, 0},
       {note_kind::breaker, note_state::half_open, "wan", "NVIDIA \"H100\"", {}, 0},
       {note_kind::overload, note_state::open, {}, {}, {}, 0},
       {note_kind::overload, note_state::closed, {}, {}, {}, 0},
       {note_kind::refused, note_state::up, {}, {}, job, 3},
       {note_kind::refused, note_state::up, {}, {}, w.ids.next<job_id>(w.clock.now()), 1}}, // no job of this ledger
      term));
  const auto lines = all_of(w, {.part = history_part::notes}).lines;
  REQUIRE(ops(lines) == std::vector<std::string>{"member", "worker", "breaker", "overload", "overload", "refuse"});
  CHECK(text(lines[0], "node") == "workers-1");
  CHECK(text(lines[0], "state") == "suspect");
  CHECK(text(lines[1], "worker") == "workers-1/0");
  CHECK(text(lines[1], "state") == "down");
  CHECK(text(lines[2], "model") == "wan");
  CHECK(text(lines[2], "device") == "NVIDIA \"H100\"");
  CHECK(text(lines[2], "state") == "half_open");
  CHECK(lines[3].at("on").as_bool());
  CHECK_FALSE(lines[4].at("on").as_bool());
  CHECK(text(lines[5], "job") == to_string(job));
  CHECK(number(lines[5], "fence") == 3);
  CHECK(number(lines[0], "mono_ns") == 50'000'000'000);
  const auto before = all_of(w, {}).lines;
  CHECK(number(lines[0], "position") > number(before.back(), "position"));

  for (std::uint32_t size : {1, 2, 5, 6})
    CHECK(all_of(w, {.part = history_part::notes, .lines_max = size}).lines == lines);
  CHECK(all_of(w, {.part = history_part::notes, .job = job}).lines.size() == 1);
  CHECK(all_of(w, {.part = history_part::notes, .job = other}).lines.empty());
}

TEST_CASE("an end under an old fence is refused, and the log says so") {
  world w;
  const auto first = w.leased();
  auto lost = world::how(first, verdict::retry);
  lost.counted = false;
  REQUIRE(w.end(first, lost) == errc::ok);
  const auto second = w.leased(first.job);
  CHECK(w.end(first, verdict::succeeded) == errc::stale);
  REQUIRE(w.end(second, verdict::succeeded) == errc::ok);
  const auto refused = all_of(w, {.part = history_part::notes}).lines;
  REQUIRE(ops(refused) == std::vector<std::string>{"refuse"});
  CHECK(text(refused[0], "job") == to_string(first.job));
  CHECK(number(refused[0], "fence") == 1);
}

TEST_CASE("a release has its fence also where the job did not run, which is a defect to be judged by the log") {
  world w;
  const auto lease = w.leased();
  REQUIRE(w.end(lease, verdict::retry) == errc::ok);
  w.held.reset();
  sqlite::connection{(w.folder.path() / "ledger.db").string(), {}}.run(
      "UPDATE event SET from_state = 3 WHERE kind = 3");
  const auto lines = all_of(w, {}).lines;
  REQUIRE(ops(lines) == std::vector<std::string>{"accept", "grant", "release"});
  CHECK(number(lines[2], "fence") == 1);
}

TEST_CASE("a degraded grant says why, also after its job was redriven and ran as it was asked for") {
  world w;
  auto request = w.request();
  request.allow_degraded = true;
  REQUIRE(w.led.accept(request).code == errc::ok);
  auto light = w.batch_of({request.id});
  light.term = w.term();
  light.served_model = {"wan-light"};
  light.degrade = degrade_reason::overload;
  REQUIRE(w.led.grant(light)->jobs.at(0).code == errc::ok);
  job_outcome failed;
  failed.id = request.id;
  failed.fence = 1;
  failed.how = verdict::failed;
  failed.cause = errc::internal;
  REQUIRE(w.led.end({w.term(), light.batch, {failed}})->codes == std::vector{errc::ok});
  REQUIRE(w.led.redrive(request.id) == errc::ok);
  REQUIRE(w.end(w.leased(request.id), verdict::succeeded) == errc::ok);
  const auto lines = all_of(w, {}).lines;
  REQUIRE(ops(lines) == std::vector<std::string>{"accept", "grant", "end", "redrive", "grant", "commit"});
  CHECK(lines[1].at("degraded").as_bool());
  CHECK(text(lines[1], "reason") == "overload");
  CHECK_FALSE(lines[4].at("degraded").as_bool());
}
