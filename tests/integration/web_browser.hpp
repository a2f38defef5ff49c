// web_browser.hpp: A Chromium without a window, driven by chromedriver over WebDriver (W3C), for tests of pages. One
// thread; both processes end with it. What it looks for it waits for, a minute at most.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>

#include "src/harness/process.hpp"
#include "src/reelctl/api_client.hpp"

namespace reel::testing {

class web_browser {
public:
  /// Why there can be none on this machine; nothing: there can.
  static std::optional<std::string> is_missing();

  /// `dir`: for its profile, and for files that it saves.
  explicit web_browser(const std::string& dir);
  ~web_browser();
  web_browser(const web_browser&) = delete;
  web_browser& operator=(const web_browser&) = delete;

  void open(const std::string& url);
  void reload();
  void forget_files(); ///< that it has kept: the next page is a first one

  /// `css`: the first that fits.
  void click(const std::string& css);
  void type(const std::string& css, const std::string& text); ///< as from a keyboard; a file's name into a file field
  std::string text(const std::string& css);                   ///< of what can be seen
  void wait_for(const std::string& css);
  void wait_for_text(const std::string& css, const std::string& part);
  void press(const std::string& key); ///< on what has the focus; WebDriver's code of it, like "\uE007" for Enter

  /// Of a function body that may `return`.
  boost::json::value run(const std::string& script);
  bool is(const std::string& expression) { return run("return Boolean(" + expression + ")").as_bool(); }
  void wait_until(const std::string& expression);

  struct look {
    int width = 1440, height = 1000;
    bool dark = false, phone = false;
  };
  void look_like(const look& l);
  void screenshot(const std::string& file);

  /// What went wrong in the page since it was asked last, as the browser's console has it.
  std::vector<std::string> troubles();

private:
  boost::json::value command(const std::string& method, const std::string& path, const boost::json::value& body = {});
  void devtools(const std::string& what, const boost::json::object& with);
  std::string element(const std::string& css);
  template <class Try> auto patiently(const std::string& what, Try once);

  std::optional<harness::process> driver_;
  std::optional<ctl::api_client> api_;
  std::string session_;
};

} // namespace reel::testing
