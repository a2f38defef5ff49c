// screen_test.cpp: What fits a terminal, without one: tables at any width, text that cannot act on it, and the line at
// a glance at 80x24 and at 40 columns.
#include <catch2/catch_test_macros.hpp>

#include "src/reelctl/line_view.hpp"
#include "src/reelctl/table.hpp"

using namespace reel;
using namespace reel::ctl;

namespace {

const std::string id = "video_0199c3a5e0f07000b1c2d3e4f5a6b7c8";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::size_t widest(const std::string& text) {
  std::size_t most = 0;
  for (const auto& line : lines_of(text)) most = std::max(most, cells_of(line));
  return most;
}

line_overview busy_line(std::size_t workers) {
  line_overview o;
  o.recovering = false;
  o.classes[0] = {1, 1, 3'000};
  o.classes[2] = {1'000'000, 63, 7'200'000};
  o.queued_most = 1'000'000;
  o.running = 64;
  o.alarms = {{alarm_kind::queue_near_full, 1'000'001, ""}, {alarm_kind::tenants_paused, 1, "acme"}};
  o.breakers_total = 2;
  o.breakers.push_back({{"wan-small"}, "NVIDIA H100", breaker_state::open});
  for (std::size_t i = 0; i < workers; ++i) {
    worker_overview w;
    w.id = {"workers-" + std::to_string(i / 8 + 1) + "/" + std::to_string(i % 8)};
    w.state = i == 5 ? worker_state::ejected : worker_state::ready;
    w.message = i == 5 ? "killed by signal 9" : "";
    w.jobs = i % 3;
    w.steps_total = 40;
    w.step = static_cast<int>(i % 40);
    w.phase = run_phase::denoising;
    w.model = {"wan-small"};
    w.memory_bytes = 80ull << 30;
    w.used_bytes = 31ull << 30;
    w.left_ms = 95'000;
    o.workers.push_back(w);
  }
  o.workers_total = static_cast<std::uint32_t>(workers);
  o.workers_ready = o.workers_total - 1;
  return o;
}

} // namespace

TEST_CASE("nothing in a text acts on a terminal") {
  CHECK(printable("a\x1b[31mred\x1b[0m", 80) == "a?[31mred?[0m");
  CHECK(printable("bell\a back\b cr\r nl\n tab\t del\x7f", 80) == "bell? back? cr? nl? tab? del?");
  CHECK(printable("csi \xc2\x9b"
                  "31m, nel \xc2\x85",
                  80) == "csi ?31m, nel ?"); // C1 controls in UTF-8
  CHECK(printable("\xe2\x80\xae"
                  "reversed\xe2\x81\xa6 hidden\xe2\x80\x8b",
                  80) == "?reversed? hidden?");
  CHECK(printable("<script>alert('x')</script>", 80) == "<script>alert('x')</script>");
  CHECK(printable("红色的圆形 é", 80) == "红色的圆形 é");
  CHECK(printable("红色的圆形", 5) == "红色…");
  CHECK(printable("abcdef", 4) == "abc…");
}

TEST_CASE("cells are counted as a terminal shows them") {
  CHECK(cells_of("abc") == 3);
  CHECK(cells_of("红色") == 4);
  CHECK(cells_of("e\xcc\x81") == 1); // a combining accent
  CHECK(cells_of("█░") == 2);
  CHECK(cut_to("红色", 3) == 3);
  CHECK(printable("\xff\xfe", 10).size() <= 10); // no UTF-8
}

TEST_CASE("a table fits: texts are cut, names and numbers are not") {
  const table_rows rows{{"ID", "STATE", "AGE", "PROMPT"},
                        {id, "queued", "12s", "a red ball rolls down a long green hill in the evening"},
                        {id, "dead_letter", "3h", "红色的圆形向右移动，黑色背景, 红色的圆形向右移动"}};
  const auto whole = format_table(rows, 0);
  CHECK(whole.find("in the evening") != std::string::npos);
  const auto narrow = format_table(rows, 80);
  CHECK(widest(narrow) <= 80);
  CHECK(narrow.find(id) != std::string::npos);
  CHECK(narrow.find("dead_letter") != std::string::npos);
  CHECK(lines_of(narrow).size() == 3);
}

TEST_CASE("where no table fits, each row becomes lines") {
  const table_rows rows{
      {"ID", "STATE", "PROMPT"}, {id, "queued", "a red ball rolls down a long green hill"}, {id, "leased", ""}};
  const auto text = format_table(rows, 40);
  CHECK(text.find(id) != std::string::npos);
  CHECK(text.find("STATE   queued\n") != std::string::npos);
  CHECK(text.find("PROMPT  a red ball") != std::string::npos);
  CHECK(lines_of(text).size() == 6); // an empty cell has no line, and there is one between
}

TEST_CASE("the line at a glance fits 80x24 and 40 columns, however many workers there are") {
  for (std::size_t columns : {80u, 40u, 120u})
    for (std::size_t workers : {0u, 1u, 64u, 256u}) {
      const auto text = status_text(busy_line(workers), {columns, 24});
      CHECK(widest(text) <= columns);
      CHECK(lines_of(text).size() <= 24);
      CHECK(text.find("IN TROUBLE") != std::string::npos);
      CHECK(text.find("1000000") != std::string::npos);
    }
}

TEST_CASE("what does not fit of the workers is said, and can be scrolled to") {
  const auto o = busy_line(64);
  const auto first = status_text(o, {80, 24}, 0), last = status_text(o, {80, 24}, 1000);
  CHECK(first.find("of 64") != std::string::npos);
  CHECK(first.find("workers-1/0") != std::string::npos);
  CHECK(last.find("workers-8/7") != std::string::npos);
  CHECK(last.find("workers-1/0") == std::string::npos);
  CHECK(status_text(o, {80, 0}).find("workers-8/7") != std::string::npos); // no screen: all of them
}

TEST_CASE("the line at a glance has the same figures for programs") {
  const auto j = status_json(busy_line(3));
  CHECK(j.at("waiting").to_number<int>() == 1'000'001);
  CHECK(j.at("classes").at("standard").at("running").to_number<int>() == 63);
  CHECK(j.at("workers").as_array().size() == 3);
  CHECK(j.at("alarms").at(0).at("kind").as_string() == "queue_near_full");
  CHECK(j.at("breakers").at(0).at("state").as_string() == "open");
}
