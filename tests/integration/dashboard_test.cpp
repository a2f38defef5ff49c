// dashboard_test.cpp: The dashboard in a real browser on a real cluster, with the small model: sign in, make a video
// and watch it, cancel, what a tenant does not see, texts that look like HTML, a killed gateway, a file of prompts,
// figures of weight and time. Leaves pictures of every page, and of the console, in build/release/dashboard.
//
// Skipped, with the reason, where Debian's chromium and chromium-driver are not installed.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

#include "src/harness/process_figures.hpp"
#include "tests/integration/api_steps.hpp"
#include "tests/integration/pty_session.hpp"
#include "tests/integration/step_pace.hpp"
#include "tests/integration/web_browser.hpp"

using namespace reel;
using namespace reel::testing;
namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

const std::string small_model =
    fmt::format("[[model]]\nid = \"wan-small\"\nkind = \"wan\"\ncheckpoint = \"{}/models/wan-small\"\n"
                "text_len = 48\nthreads = 1\nbatch_max = 2\nsize_multiple = 16\nside_max = 64\nsize = \"64x64\"\n"
                "frames_max = 17\nframes = 17\nfps = 8\nsteps_max = 50\nsteps = 16\nguidance_high = 4.0\n"
                "guidance_low = 4.0\nflow_shift = 3.0\nnegative_prompt = \"\"\n",
                REEL_SOURCE_DIR);

/// A script that shows what a terminal was told, with its colours: the last screen of it.
constexpr const char* as_terminal = R"(
  const styles = {{0: '', 1: 'font-weight:bold', 2: 'color:#8b949e', 32: 'color:#3fb950', 33: 'color:#d29922',
                  '1;31': 'color:#f85149;font-weight:bold'}};
  const screen = {}.split('\x1b[H').pop().replace(/\x1b\[[?0-9]*[A-Zhl]/g, '').replaceAll('\r', '');
  const pre = document.createElement('pre');
  pre.style = 'font: 13px/1.45 "DejaVu Sans Mono", monospace; margin: 16px';
  for (const [i, part] of screen.split('\x1b[').entries()) {{
    const [, style, text] = i ? /^([0-9;]*)m([^]*)$/.exec(part) : ['', '', part];
    const span = document.createElement('span');
    span.style = styles[style] ?? '';
    span.textContent = text;
    pre.append(span);
  }}
  document.body.style = 'background: #0d1117; color: #e6edf3; margin: 0';
  document.body.replaceChildren(pre);)";

/// A cluster, an operator's key, and a browser that has signed in nowhere. One for all tests of this program.
struct setting {
  setting()
      : dir{folder("dashboard")}, pace{dir}, cluster{{.dir = dir,
                                                      .bin = REEL_BIN_DIR,
                                                      .models = small_model,
                                                      .more = {},
                                                      .slots = 2,
                                                      .fault_plan = pace.plan(),
                                                      .restart_pause = "200ms"}},
        api{{cluster.url(), cluster.api_key()}}, browser{dir + "/browser"} {
    pace.quick();
    cluster.reelctl({"tenant-add", dir + "/tenants.toml", "ops", "--allow", "urgent", "--write-key", dir + "/ops-key"});
    std::ifstream{dir + "/ops-key"} >> operator_key;
    restart_gateway(); // it reads the file when it starts
  }
  ~setting() { fs::remove_all(dir); }

  void restart_gateway() {
    cluster.kill("control");
    cluster.start("control");
    cluster.wait_until_ready();
  }

  /// From the page for a key, in a tab that knows none.
  void sign_in(const std::string& key) {
    browser.open(cluster.url() + "/");
    browser.run("sessionStorage.clear()");
    browser.open("about:blank");
    browser.troubles(); // of a page whose key was taken from it
    browser.open(cluster.url() + "/#/");
    browser.wait_for("input[name=key]");
    browser.type("input[name=key]", key);
    browser.click("form.login button");
  }
  void go(const std::string& hash) { browser.run("location.hash = '" + hash + "'"); }

  /// Each page light, dark and on a phone.
  void picture(const std::string& name) {
    const web_browser::look looks[] = {{}, {.dark = true}, {.width = 390, .height = 844, .phone = true}};
    for (const auto& [look, kind] : {std::pair{looks[0], ""}, {looks[1], "-dark"}, {looks[2], "-phone"}}) {
      browser.look_like(look);
      browser.screenshot(fmt::format("{}/dashboard/{}{}.png", REEL_BUILD_DIR, name, kind));
      if (look.phone) CHECK(browser.is("document.documentElement.scrollWidth <= 390"));
    }
    browser.look_like({});
  }

  /// Of what a command of the console shows of the line, when it shows this.
  void picture_of_console(const std::string& command, const std::string& shows) {
    pty_session console{
        {std::string{REEL_BIN_DIR} + "/reelctl", command}, {"REEL_CONFIG=" + cluster.config(), "TERM=xterm"}, 100, 30};
    console.expect(shows);
    if (command != "top") console.wait();
    browser.open("about:blank");
    browser.look_like({.width = 860, .height = 300, .dark = true});
    browser.run(fmt::format(as_terminal, json::serialize(json::value(console.written()))));
    browser.screenshot(fmt::format("{}/dashboard/console-{}.png", REEL_BUILD_DIR, command));
    browser.look_like({});
  }

  std::string dir;
  step_pace pace;
  harness::local_cluster cluster;
  ctl::api_client api;
  web_browser browser;
  std::string operator_key;
};

/// Null where there is no browser.
setting* the_setting() {
  static const auto missing = web_browser::is_missing();
  if (missing) return nullptr;
  static setting one;
  return &one;
}

#define REEL_WITH_BROWSER(s)                                                                                           \
  auto* found_setting = the_setting();                                                                                 \
  if (!found_setting) SKIP(*web_browser::is_missing());                                                                \
  auto& s = *found_setting

} // namespace

TEST_CASE("a key that is not known is refused, and a good one is kept in the tab alone") {
  REEL_WITH_BROWSER(s);
  s.sign_in("reel-wrong");
  s.browser.wait_for_text(".trouble", "not known");
  CHECK(s.browser.is("sessionStorage.length === 0"));
  s.picture("sign-in");
  s.browser.type("input[name=key]", s.cluster.api_key());
  s.browser.click("form.login button");
  s.browser.wait_for(".jobs.view");
  CHECK(s.browser.is("sessionStorage.length === 1"));
  CHECK(s.browser.is("![...Object.values(localStorage), document.cookie, location.href].some(v => "
                     "v.includes(Object.values(sessionStorage)[0]))"));
  s.browser.troubles(); // the refusal
}

TEST_CASE("a prompt becomes a video before one's eyes, and what looks like HTML in it is text") {
  REEL_WITH_BROWSER(s);
  s.sign_in(s.cluster.api_key());
  s.browser.wait_for(".jobs.view");
  s.go("#/new");
  s.pace.slow();
  const std::string prompt = "a red circle moves to the right on a dark green background "
                             "<b id=pwned>b</b><img src=x onerror=window.pwned=1> \u202e";
  s.browser.type("textarea", prompt);
  s.browser.type("input[name=num_inference_steps]", "40");
  s.browser.type("input[name=seed]", "1");
  s.browser.click("form.create button.main:not([disabled])");
  s.browser.wait_until("document.querySelectorAll('.stage .steps i.on').length > 2");
  s.picture("playground-running");
  s.pace.quick();
  s.browser.wait_until("(v => v && v.readyState >= 2 && v.currentTime > 0)(document.querySelector('.stage video'))");
  s.picture("playground");
  s.browser.click(".create .row");
  s.browser.wait_for(".job.view .timeline li.done");
  s.browser.wait_until("document.querySelector('.stage video').readyState >= 2");
  CHECK(s.browser.text("h1.prompt").find("<b id=pwned>b</b><img src=x onerror=window.pwned=1>") != std::string::npos);
  CHECK(s.browser.text("h1.prompt").find("U+202E") != std::string::npos);
  CHECK(s.browser.is("!window.pwned && !document.querySelector('#pwned') && !document.querySelector('h1 *')"));
  s.picture("video");
  s.go("#/jobs");
  s.browser.wait_until("document.querySelector('.row img') && document.querySelector('.row img').naturalWidth > 0");
  CHECK(s.browser.is("!document.querySelector('#pwned')"));
  s.picture("videos");
  CHECK(s.browser.troubles() == std::vector<std::string>{});
}

TEST_CASE("what the gateway refuses is said beside the field: a prompt with an escape sequence") {
  REEL_WITH_BROWSER(s);
  s.sign_in(s.cluster.api_key());
  s.browser.wait_for(".jobs.view");
  s.go("#/new");
  s.browser.wait_for("textarea");
  s.browser.run("document.querySelector('textarea').value = '\\u001b[31mred'");
  s.browser.click("form.create button.main:not([disabled])");
  s.browser.wait_for(".create .trouble:not([hidden])");
  CHECK(s.browser.text(".create .trouble").find("control character U+001B") != std::string::npos);
  CHECK(s.browser.is("document.activeElement.name === 'prompt'"));
  s.browser.troubles(); // the refusal
}

TEST_CASE("a video that is being made is cancelled from its page") {
  REEL_WITH_BROWSER(s);
  s.pace.slow();
  const auto id = submit(s.api, {{"prompt", "a green ball falls"}, {"num_inference_steps", 50}});
  s.sign_in(s.cluster.api_key());
  s.browser.wait_for(".jobs.view");
  s.go("#/job/" + id);
  s.browser.wait_for(".job .pill.running");
  s.browser.click(".job button.bad");
  s.browser.click("dialog button.main");
  s.browser.wait_for(".job .head .pill.cancelled");
  s.pace.quick();
  CHECK(std::string{wait_for_end(s.api, id).at("error").at("code").as_string()} == "cancelled");
}

TEST_CASE("an operator sees the line as it works, a tenant does not") {
  REEL_WITH_BROWSER(s);
  s.sign_in(s.cluster.api_key());
  s.browser.wait_for(".jobs.view");
  CHECK(s.browser.is("!document.querySelector('nav a[href=\"#/line\"]')"));
  s.go("#/line");
  s.browser.wait_until("location.hash === '#/jobs'");

  s.pace.slow();
  const char* prompts[] = {"a large blue square slides slowly up over a black background",
                           "a yellow star circles on a dark blue background", "红色的圆形向右移动，黑色背景",
                           "a purple cross stays still on a brown background"};
  std::vector<std::string> ids;
  for (int i = 0; i < 12; ++i)
    ids.push_back(submit(
        s.api, {{"prompt", prompts[i % 4]}, {"num_inference_steps", 40}, {"class", i % 3 ? "standard" : "free"}}));
  s.sign_in(s.operator_key);
  s.browser.wait_for(".line.view");
  s.browser.wait_until("document.querySelectorAll('.worker.busy').length === 2");
  s.browser.wait_until("document.querySelector('.worker .steps i.on')");
  s.browser.wait_until("document.querySelectorAll('.line .row').length >= 12");
  CHECK(s.browser.text(".line .row .facts").find("test") == 0);
  s.picture("line");
  s.picture_of_console("status", "workers ready");
  s.picture_of_console("top", "workers ready");
  s.pace.quick();
  for (const auto& id : ids) wait_for_end(s.api, id);
  s.sign_in(s.operator_key);
  s.browser.wait_until("document.querySelectorAll('.worker.idle').length === 2");
  s.browser.wait_until("document.querySelectorAll('.line .row img:not([hidden])').length >= 12");
  s.picture("line-done");

  // Without a mouse: the second view, its language, a question that is answered no.
  s.browser.run("document.querySelector('.panel header button').focus()");
  s.browser.press("\uE007");
  s.browser.wait_for("dialog[open]");
  s.browser.press("\uE00C");
  s.browser.wait_until("!document.querySelector('dialog')");
  s.browser.run("document.querySelector('.tools button').focus()");
  s.browser.press("\uE007");
  s.browser.wait_for_text("nav", "产线");
  CHECK(s.browser.is("document.documentElement.lang === 'zh'"));
  s.browser.wait_for_text(".tile", "等待");
  s.picture("line-chinese");
  s.browser.click(".tools button");
  s.browser.wait_for_text("nav", "Line");
  CHECK(s.browser.troubles() == std::vector<std::string>{});
}

TEST_CASE("a gateway that is gone shows, and the page goes on when it is back") {
  REEL_WITH_BROWSER(s);
  s.sign_in(s.operator_key);
  s.browser.wait_for(".line.view:not([aria-busy])");
  s.browser.wait_for(".lamp.live");
  s.cluster.kill("control");
  s.browser.wait_for(".lamp.lost");
  s.picture("connection-lost");
  s.cluster.start("control");
  s.cluster.wait_until_ready();
  s.browser.wait_for(".lamp.live");
  const auto id = submit(s.api, {{"prompt", "a cyan square moves to the left"}});
  s.browser.wait_for(".row[href=\"#/job/" + id + "\"]");
  wait_until_completed(s.api, id);
  s.browser.troubles(); // of the lost connections
}

TEST_CASE("a file of prompts becomes videos, bad lines are named, and the same file makes no second ones") {
  REEL_WITH_BROWSER(s);
  const auto file = s.dir + "/prompts.jsonl";
  std::ofstream{file} << "{\"prompt\": \"a red ring grows\", \"num_inference_steps\": 4}\n"
                         "{\"custom_id\": \"two\", \"method\": \"POST\", \"url\": \"/v1/videos\", "
                         "\"body\": {\"prompt\": \"a blue cross shrinks\", \"num_inference_steps\": 4}}\n"
                         "{\"prompt\": \"x\", \"num_frames\": 16}\n"
                         "no json\n";
  s.sign_in(s.cluster.api_key());
  s.browser.wait_for(".jobs.view");
  auto total = [&] { return s.api.get("/v1/videos?limit=100").at("data").as_array().size(); };
  const auto before = total();
  for (int i = 0; i < 2; ++i) {
    s.go("#/batch");
    s.browser.wait_for("#file");
    s.browser.type("#file", file);
    s.browser.click(".batch button.main:not([hidden])");
    s.browser.wait_until("document.querySelectorAll('.lines .state.completed').length === 2");
    s.browser.wait_for_text(".lines", "num_frames");
    CHECK(s.browser.is("document.querySelectorAll('.lines .state.wrong').length === 2"));
    CHECK(total() == before + 2);
    if (i == 0) s.picture("batch");
    s.go("#/jobs");
    s.browser.wait_for(".jobs.view");
  }
  s.browser.troubles(); // the refusals
}

TEST_CASE("a page is there within 300 ms and 300 KiB, and costs the control node next to nothing") {
  REEL_WITH_BROWSER(s);
  s.sign_in(s.operator_key);
  s.browser.wait_for(".line.view:not([aria-busy])");
  double best_ms = 1e9, bytes = 0;
  // The machine may be busy with other tests: one quick load shows what the page takes.
  eventually("the page is loaded in 300 ms", [&] {
    s.browser.forget_files();
    s.browser.reload();
    s.browser.wait_for(".line.view:not([aria-busy])");
    auto figures = s.browser.run(
        "const n = performance.getEntriesByType('navigation')[0], all = performance.getEntriesByType('resource');"
        "const files = all.filter(e => !e.name.includes('/v1/'));"
        "return {ms: n.loadEventEnd, bytes: n.encodedBodySize + files.reduce((s, e) => s + e.encodedBodySize, 0)}");
    best_ms = std::min(best_ms, figures.at("ms").to_number<double>());
    bytes = std::max(bytes, figures.at("bytes").to_number<double>());
    return best_ms > 0 && best_ms < 300;
  });
  CHECK(bytes > 10'000);
  CHECK(bytes < 300 * 1024);

  using namespace std::chrono_literals;
  auto control = std::vector{s.cluster.control_pid()};
  double part = 1;
  eventually("the page costs less than 2 % of a core", [&] {
    const auto cpu = harness::cpu_time(control);
    const auto at = std::chrono::steady_clock::now();
    s.browser.wait_until(
        "(window.until = window.until || performance.now() + 5000) < performance.now() && (delete window.until)");
    part = std::chrono::duration<double>(harness::cpu_time(control) - cpu) / (std::chrono::steady_clock::now() - at);
    return part < 0.02;
  });
  std::printf("page: %.0f ms, %.1f KiB; control node with it: %.2f %% of a core\n", best_ms, bytes / 1024, part * 100);
}
