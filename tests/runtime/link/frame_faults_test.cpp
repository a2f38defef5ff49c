// frame_faults_test.cpp: What becomes of frames that a plan spoils, by themselves and in the real link, which has to
// deliver everything once and in order all the same. Method: a plan is installed once per process, so that each case
// with a link is a child process of its own.
#include <fstream>
#include <functional>
#include <sys/wait.h>

#include "runtime/link/frame_faults.hpp"
#include "tests/runtime/link/zmq_support.hpp"

using namespace reel;
using namespace reel::test;
using fault::action;

namespace {

frame_faults::arrived frame_of(const std::string& text) {
  frame_faults::arrived a;
  a.frame.parts.push_back(blob::copy_of(text));
  return a;
}

std::vector<std::string> texts_of(const std::vector<frame_faults::arrived>& all) {
  std::vector<std::string> texts;
  for (const auto& a : all)
    texts.emplace_back(reinterpret_cast<const char*>(a.frame.parts[0].data()), a.frame.parts[0].size());
  return texts;
}

using texts = std::vector<std::string>;
const instant start{std::chrono::hours{1}};

/// In a child process under that plan; whether it was so there.
bool holds_under(const std::string& plan, const std::function<bool(const std::string& folder)>& check) {
  auto child = ::fork();
  if (child == 0) {
    bool is = false;
    try {
      private_folder folder;
      std::ofstream{folder.path + "/plan.toml"} << plan;
      fault::install({folder.path + "/plan.toml", "test", folder.path});
      is = check(folder.path) && std::filesystem::file_size(folder.path + "/faults.log") > 0;
    } catch (const std::exception& e) {
      std::fprintf(stderr, "%s\n", e.what());
    }
    ::_exit(is ? 0 : 1);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

zmq_link_options impatient(zmq_link_options o) {
  o.conversation.resend_after = 300ms; // what is lost is sent again soon
  o.conversation.resend_rounds_max = 1000;
  return o;
}

/// Two nodes, and what each receives of what the other sends.
struct talk {
  curve_keys ka = make_curve_keys(), kb = make_curve_keys();
  test::node a{impatient(listener_options(ka, beta, kb))};
  test::node b{impatient(dialer_options(kb, a.link.endpoint(), ka))};

  bool is_up() { return a.mail.wait_state("beta", peer_state::up) && b.mail.wait_state("alpha", peer_state::up); }
  bool delivers_all(std::uint64_t each) {
    for (std::uint64_t n = 1; n <= each; ++n)
      if (send_patiently(a.link, beta, numbered(n, "there")) != errc::ok ||
          send_patiently(b.link, alpha, numbered(n, "back")) != errc::ok)
        return false;
    return has_all(a.mail, each) && has_all(b.mail, each);
  }
  static bool has_all(inbox& mail, std::uint64_t each) {
    if (!mail.wait_packets(each)) return false;
    auto numbers = mail.numbers();
    for (std::uint64_t n = 1; n <= each; ++n)
      if (numbers.size() != each || numbers[n - 1] != n) return false;
    return true;
  }
};

std::string fault_of(const std::string& what, const std::string& more = "probability = 0.1\n") {
  return "[[fault]]\nname = \"" + what + "\"\nat = \"link.receive\"\naction = \"" + what + "\"\n" + more;
}

} // namespace

TEST_CASE("frames are dropped, repeated, damaged and cut short") {
  frame_faults f;
  CHECK(texts_of(f.meet({}, frame_of("as it is"), "x", start)) == texts{"as it is"});
  CHECK(f.meet({action::drop}, frame_of("gone"), "x", start).empty());
  CHECK(texts_of(f.meet({action::duplicate}, frame_of("twice"), "x", start)) == texts{"twice", "twice"});
  auto damaged = texts_of(f.meet({action::corrupt, 77}, frame_of("RLNK1bits"), "x", start));
  REQUIRE(damaged.size() == 1);
  CHECK((damaged[0].size() == 9 && damaged[0] != "RLNK1bits" && damaged[0].starts_with("RLNK1")));
  auto cut = texts_of(f.meet({action::truncate, 77}, frame_of("bits"), "x", start));
  REQUIRE(cut.size() == 1);
  CHECK(cut[0].size() < 4);
  CHECK(f.due() == instant::max());
}

TEST_CASE("a held frame comes when its time has come, and keeps up no other") {
  frame_faults f;
  CHECK(f.meet({action::hold, 0, 50ms}, frame_of("late"), "x", start).empty());
  CHECK(texts_of(f.meet({}, frame_of("next"), "x", start)) == texts{"next"});
  CHECK(f.due() == start + 50ms);
  CHECK(f.take_due(start + 49ms).empty());
  CHECK(texts_of(f.take_due(start + 50ms)) == texts{"late"});
  CHECK(f.take_due(start + 1h).empty());
}

TEST_CASE("a frame that comes twice may come late for the second time") {
  frame_faults f;
  CHECK(texts_of(f.meet({action::duplicate, 0, 2s}, frame_of("again"), "x", start)) == texts{"again"});
  CHECK(texts_of(f.meet({}, frame_of("next"), "x", start)) == texts{"next"});
  CHECK(f.due() == start + 2s);
  CHECK(texts_of(f.take_due(start + 2s)) == texts{"again"});
}

TEST_CASE("a swapped frame follows the next of its sender, or comes by itself when there is none") {
  frame_faults f;
  CHECK(f.meet({action::reorder}, frame_of("first"), "x", start).empty());
  CHECK(texts_of(f.meet({}, frame_of("other"), "y", start)) == texts{"other"});
  CHECK(texts_of(f.meet({}, frame_of("second"), "x", start)) == texts{"second", "first"});
  CHECK(f.meet({action::reorder}, frame_of("alone"), "x", start).empty());
  CHECK(texts_of(f.take_due(f.due())) == texts{"alone"});
}

TEST_CASE("what is kept is bounded") {
  frame_faults f;
  for (int i = 0; i < 1024; ++i) CHECK(f.meet({action::hold, 0, 1h}, frame_of("kept"), "x", start).empty());
  CHECK(f.meet({action::hold, 0, 1h}, frame_of("too many"), "x", start).size() == 1);
  CHECK(f.take_due(start + 1h).size() == 1024);
}

TEST_CASE(
    "the link delivers everything once and in order although frames are lost, repeated, swapped, late or damaged") {
  for (std::string what : {"drop", "duplicate", "reorder", "corrupt", "truncate"}) {
    INFO(what);
    CHECK(holds_under(fault_of(what), [](auto&) {
      talk t;
      return t.is_up() && t.delivers_all(100);
    }));
  }
  for (std::string what : {"hold", "duplicate"})
    CHECK(holds_under(fault_of(what, "probability = 0.2\ndelay = \"10ms\"\njitter = \"20ms\"\n"), [](auto&) {
      talk t;
      return t.is_up() && t.delivers_all(100);
    }));
}

TEST_CASE("repeated frames are counted as such, damaged ones by their checksum") {
  CHECK(holds_under(fault_of("duplicate"), [](auto&) {
    talk t;
    return t.is_up() && t.delivers_all(100) && t.a.link.counters().duplicates > 0;
  }));
  CHECK(holds_under(fault_of("corrupt"), [](auto&) {
    talk t;
    return t.is_up() && t.delivers_all(100) &&
           t.a.link.counters().crc_failures + t.a.link.counters().malformed + t.b.link.counters().crc_failures > 0;
  }));
}

TEST_CASE("frames of one sender alone can be lost, which is one way of the pair") {
  CHECK(holds_under(fault_of("drop", "marker = \"beta\"\nwhile_file = \"on\"\n"), [](const std::string& folder) {
    talk t;
    if (!t.is_up()) return false;
    std::ofstream{folder + "/on"};
    for (std::uint64_t n = 1; n <= 100; ++n)
      if (send_patiently(t.a.link, beta, numbered(n)) != errc::ok) return false;
    auto is_lost = [&] { return std::filesystem::file_size(folder + "/faults.log") > 0; };
    return talk::has_all(t.b.mail, 100) && eventually(is_lost) && t.a.mail.packets().empty();
  }));
}
