#include "tests/integration/web_browser.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <thread>
#include <unistd.h>

#include "src/harness/local_cluster.hpp"

namespace reel::testing {

namespace json = boost::json;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 60s;
constexpr const char* browser_program = "/usr/bin/chromium";
constexpr const char* driver_program = "/usr/bin/chromedriver";

std::string from_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    static constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto value = letters.find(c);
    if (value == std::string_view::npos) continue;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if ((count += 6) < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xFF);
  }
  return out;
}

/// A quoted string of the script.
std::string quoted(const std::string& text) { return json::serialize(json::value(text)); }

} // namespace

std::optional<std::string> web_browser::is_missing() {
  for (const auto* program : {browser_program, driver_program})
    if (!fs::exists(program)) return fmt::format("{} is not installed", program);
  return {};
}

template <class Try> auto web_browser::patiently(const std::string& what, Try once) {
  std::string why = "it is not so";
  for (auto give_up_at = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < give_up_at;
       std::this_thread::sleep_for(50ms)) {
    try {
      if (auto found = once()) return found;
    } catch (const ctl::api_error& e) {
      why = e.what();
    }
  }
  throw std::runtime_error{"not in a minute: " + what + ": " + why};
}

web_browser::web_browser(const std::string& dir) {
  fs::create_directories(dir);
  const auto port = harness::free_port();
  driver_.emplace(child_spec{{driver_program, fmt::format("--port={}", port)}, {}, dir + "/chromedriver.out"});
  api_.emplace(ctl::api_options{fmt::format("http://127.0.0.1:{}", port), {}});
  api_->set_patience(0);
  patiently("chromedriver answers", [&] { return api_->get("/status").at("value").at("ready").as_bool(); });
  json::array arguments{"--headless=new",
                        "--disable-gpu",
                        "--disable-dev-shm-usage",
                        "--no-first-run",
                        "--hide-scrollbars",
                        "--lang=en",
                        "--mute-audio",
                        "--force-color-profile=srgb",
                        "--user-data-dir=" + dir + "/profile"};
  if (::geteuid() == 0) arguments.emplace_back("--no-sandbox"); // it refuses root otherwise
  const json::object chrome{{"binary", browser_program}, {"args", std::move(arguments)}};
  const json::object wanted{{"browserName", "chrome"},
                            {"goog:loggingPrefs", json::object{{"browser", "ALL"}}},
                            {"goog:chromeOptions", chrome}};
  auto made = api_->post("/session", json::object{{"capabilities", json::object{{"alwaysMatch", wanted}}}});
  session_ = "/session/" + std::string{made.at("value").at("sessionId").as_string()};
  look_like({});
}

web_browser::~web_browser() {
  try {
    if (!session_.empty()) api_->remove(session_);
  } catch (const std::exception&) {
    // then its processes end with chromedriver
  }
}

json::value web_browser::command(const std::string& method, const std::string& path, const json::value& body) {
  if (method == "GET") return api_->get(session_ + path).at("value");
  return api_->post(session_ + path, body.is_null() ? json::object{} : body).at("value");
}

void web_browser::devtools(const std::string& what, const json::object& with) {
  command("POST", "/goog/cdp/execute", json::object{{"cmd", what}, {"params", with}});
}

std::string web_browser::element(const std::string& css) {
  return patiently(css,
                   [&]() -> std::optional<std::string> {
                     auto found = command("POST", "/element", json::object{{"using", "css selector"}, {"value", css}});
                     return "/element/" + std::string{found.as_object().begin()->value().as_string()};
                   })
      .value();
}

void web_browser::open(const std::string& url) { command("POST", "/url", json::object{{"url", url}}); }
void web_browser::reload() { command("POST", "/refresh"); }

void web_browser::forget_files() { devtools("Network.clearBrowserCache", {}); }

/// It may be covered or replaced at the moment.
void web_browser::click(const std::string& css) {
  patiently("click on " + css, [&] { return command("POST", element(css) + "/click"), true; });
}

void web_browser::type(const std::string& css, const std::string& text) {
  patiently("type into " + css, [&] {
    return command("POST", element(css) + "/value", json::object{{"text", text}}), true;
  });
}

std::string web_browser::text(const std::string& css) {
  return patiently("text of " + css,
                   [&]() -> std::optional<std::string> {
                     return std::string{command("GET", element(css) + "/text").as_string()};
                   })
      .value();
}

void web_browser::wait_for(const std::string& css) { element(css); }

void web_browser::wait_for_text(const std::string& css, const std::string& part) {
  wait_until(fmt::format("document.querySelector({}) && document.querySelector({}).textContent.includes({})",
                         quoted(css), quoted(css), quoted(part)));
}

void web_browser::press(const std::string& key) {
  const json::object down{{"type", "keyDown"}, {"value", key}}, up{{"type", "keyUp"}, {"value", key}};
  const json::object keyboard{{"type", "key"}, {"id", "keys"}, {"actions", json::array{down, up}}};
  command("POST", "/actions", json::object{{"actions", json::array{keyboard}}});
}

json::value web_browser::run(const std::string& script) {
  return command("POST", "/execute/sync", json::object{{"script", script}, {"args", json::array{}}});
}

void web_browser::wait_until(const std::string& expression) {
  patiently(expression, [&] { return is(expression); });
}

void web_browser::look_like(const look& l) {
  devtools("Emulation.setDeviceMetricsOverride",
           {{"width", l.width}, {"height", l.height}, {"deviceScaleFactor", 1}, {"mobile", l.phone}});
  const json::object scheme{{"name", "prefers-color-scheme"}, {"value", l.dark ? "dark" : "light"}};
  const json::object calm{{"name", "prefers-reduced-motion"}, {"value", "reduce"}};
  devtools("Emulation.setEmulatedMedia", {{"features", json::array{scheme, calm}}});
}

void web_browser::screenshot(const std::string& file) {
  fs::create_directories(fs::path{file}.parent_path());
  const auto png = from_base64(command("GET", "/screenshot").as_string());
  std::ofstream{file, std::ios::binary} << png;
}

std::vector<std::string> web_browser::troubles() {
  std::vector<std::string> all;
  const auto log = command("POST", "/se/log", json::object{{"type", "browser"}});
  for (const auto& line : log.as_array())
    if (line.at("level").as_string() == "SEVERE") all.emplace_back(line.at("message").as_string());
  return all;
}

} // namespace reel::testing
