// progress_bar.hpp: One line on standard error that fills while a person waits; nothing where it is no terminal.
#pragma once

#include <cstdio>
#include <string>
#include <unistd.h>

namespace reel::world {

class progress_bar {
public:
  explicit progress_bar(std::size_t steps) : steps_{steps}, shown_{::isatty(STDERR_FILENO) == 1} {}
  ~progress_bar() {
    if (shown_ && last_percent_ != none) std::fputs("\r\x1b[K", stderr);
  }
  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;

  void show(std::size_t done) {
    auto percent = steps_ == 0 ? 100 : done * 100 / steps_;
    if (!shown_ || percent == last_percent_) return;
    last_percent_ = percent;
    std::string bar;
    for (std::size_t i = 0; i < 25; ++i) bar += i * 4 < percent ? "█" : "░";
    std::fprintf(stderr, "\r%s %3zu %%", bar.c_str(), percent);
  }

private:
  static constexpr std::size_t none = ~std::size_t{0};
  std::size_t steps_, last_percent_ = none;
  bool shown_;
};

} // namespace reel::world
