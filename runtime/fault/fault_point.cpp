#include "runtime/fault/fault_point.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <mutex>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "runtime/config.hpp"
#include "runtime/fault/fault_plan.hpp"
#include "runtime/observe/log.hpp"

namespace reel::fault {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr int exit_as_aborted = 134;
constexpr auto hang_look_every = 20ms;        ///< whether it may go on
constexpr std::uint64_t lines_in_full = 1000; ///< of a fault in faults.log; beyond, every hundredth

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error{errno, std::generic_category(), what};
}

/// Hits and firings of one rule, in a file that all processes of a node share: what one of them counted outlives it.
class shared_count {
public:
  explicit shared_count(const std::string& file) {
    int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ::ftruncate(fd, sizeof(numbers)) != 0) throw_errno(file);
    void* at = ::mmap(nullptr, sizeof(numbers), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (at == MAP_FAILED) throw_errno(file);
    numbers_ = static_cast<numbers*>(at);
  }
  ~shared_count() { ::munmap(numbers_, sizeof(numbers)); }
  shared_count(const shared_count&) = delete;
  shared_count& operator=(const shared_count&) = delete;

  std::uint64_t count_hit() { return numbers_->hits.fetch_add(1) + 1; }

  /// Its number; 0: there were `most` already.
  std::uint64_t count_firing(std::uint64_t most) {
    auto fired = numbers_->fired.load();
    do
      if (most > 0 && fired >= most) return 0;
    while (!numbers_->fired.compare_exchange_weak(fired, fired + 1));
    return fired + 1;
  }

private:
  struct numbers { // a new file is all zeros
    std::atomic<std::uint64_t> hits, fired;
  };
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
  numbers* numbers_;
};

/// A rule that fired, and how.
struct firing {
  rule by;
  std::uint64_t hit = 0, fired = 0;
  order what;
};

/// The installed plan, and all that is known of its file.
class injector {
public:
  explicit injector(installation i) : installed_{std::move(i)} {
    std::error_code bad;
    std::filesystem::create_directories(installed_.folder, bad);
    auto log = installed_.folder + "/faults.log";
    log_ = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_ < 0) throw_errno(log);
    seen_ = stamp_of_file();
    use(seen_ == stamp{} ? plan{} : read_plan(installed_.plan_file));
  }
  injector(const injector&) = delete;
  injector& operator=(const injector&) = delete;

  const installation& installed() const { return installed_; }

  std::optional<firing> look(point_id at, const circumstances& here) {
    std::lock_guard lock{mutex_};
    refresh();
    for (std::size_t i = 0; i < plan_.rules.size(); ++i) {
      const auto& r = plan_.rules[i];
      if (!concerns(r, at.number(), installed_.process, here) || !is_on(r)) continue;
      auto hit = counts_[i]->count_hit();
      if (!fires(plan_, r, hit)) continue;
      auto fired = counts_[i]->count_firing(r.most);
      if (fired == 0) continue;
      firing f{r, hit, fired, {r.what, draw(plan_, r, hit), delay_of(plan_, r, hit)}};
      write_line(f);
      return f;
    }
    return {};
  }

  bool still_has(const rule& r) {
    std::lock_guard lock{mutex_};
    refresh();
    return std::ranges::find(plan_.rules, r.name, &rule::name) != plan_.rules.end() && is_on(r);
  }

private:
  struct stamp { ///< of the plan's file; all zero: there is none
    ino_t number = 0;
    off_t size = 0;
    time_t s = 0;
    long ns = 0;
    bool operator==(const stamp&) const = default;
  };

  stamp stamp_of_file() const {
    struct stat s {};
    if (::stat(installed_.plan_file.c_str(), &s) != 0) return {};
    return {s.st_ino, s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec};
  }

  /// A plan that cannot be read leaves the present one in force, which the log says.
  void refresh() {
    auto present = stamp_of_file();
    if (present == std::exchange(seen_, present)) return;
    try {
      use(present == stamp{} ? plan{} : read_plan(installed_.plan_file));
    } catch (const std::exception& e) {
      log::error("fault plan not taken", {{"why", std::string_view{e.what()}}});
    }
  }

  void use(plan p) {
    std::vector<std::unique_ptr<shared_count>> counts;
    for (const auto& r : p.rules)
      counts.push_back(std::make_unique<shared_count>(installed_.folder + '/' + r.name + ".count"));
    plan_ = std::move(p);
    counts_ = std::move(counts);
    log::warn("fault plan in force", {{"file", installed_.plan_file}, {"faults", plan_.rules.size()}});
  }

  static bool is_on(const rule& r) { return r.while_file.empty() || ::access(r.while_file.c_str(), F_OK) == 0; }

  /// In one write, so that lines of several processes do not mix. Names need no escapes (is_valid_name).
  void write_line(const firing& f) const {
    if (f.fired > lines_in_full && f.fired % 100 != 0) return;
    auto ns = [](auto clock) { return std::to_string(clock.time_since_epoch().count()); };
    auto line = "{\"wall_ns\":" + ns(std::chrono::system_clock::now()) + ",\"mono_ns\":" + ns(steady::now()) +
                ",\"process\":\"" + installed_.process + "\",\"pid\":" + std::to_string(::getpid()) + ",\"fault\":\"" +
                f.by.name + "\",\"point\":\"" + std::string{points[f.by.point].name} + "\",\"action\":\"" +
                std::string{to_string(f.by.what)} + "\",\"hit\":" + std::to_string(f.hit) +
                ",\"fired\":" + std::to_string(f.fired) + "}\n";
    [[maybe_unused]] auto written = ::write(log_, line.data(), line.size());
  }

  const installation installed_;
  int log_ = -1; // for as long as the process lives
  std::mutex mutex_;
  stamp seen_;
  plan plan_;
  std::vector<std::unique_ptr<shared_count>> counts_; ///< of the plan's rules
};

injector* the_injector = nullptr; // never deleted: threads may hit points until the process has ended

} // namespace

std::string_view to_string(action a) {
  switch (a) {
  case action::none: return "none";
  case action::abort: return "abort";
  case action::kill: return "kill";
  case action::hang: return "hang";
  case action::delay: return "delay";
  case action::error: return "error";
  case action::out_of_memory: return "out_of_memory";
  case action::no_space: return "no_space";
  case action::corrupt: return "corrupt";
  case action::truncate: return "truncate";
  case action::drop: return "drop";
  case action::duplicate: return "duplicate";
  case action::reorder: return "reorder";
  case action::hold: return "hold";
  }
  return "unknown";
}

void install(const installation& i) {
  if (the_injector) throw std::logic_error{"a fault plan is installed already"};
  the_injector = new injector{i};
  detail::armed = true;
}

const installation* installed() { return the_injector ? &the_injector->installed() : nullptr; }

order detail::carry_out(point_id at, const circumstances& here) {
  auto f = the_injector->look(at, here);
  if (!f) return {};
  switch (f->what.what) {
  case action::abort: std::_Exit(exit_as_aborted);
  case action::kill:
    ::kill(::getpid(), SIGKILL);
    ::pause();
    return {};
  case action::delay: std::this_thread::sleep_for(f->what.delay); return {};
  case action::hang:
    while (the_injector->still_has(f->by)) std::this_thread::sleep_for(hang_look_every);
    return {};
  default: return f->what;
  }
}

void detail::throw_injected(point_id at) {
  throw injected_error{"injected fault at " + std::string{points[at.number()].name}};
}

std::string list_points() {
  std::string text;
  for (const auto& p : points) {
    text += std::string{p.name} + std::string(24 - std::min<std::size_t>(p.name.size(), 23), ' ') +
            std::string{p.what} + "\n                        abort kill hang delay";
    for (auto a : p.own)
      if (a != action::none) text += " " + std::string{to_string(a)};
    text += '\n';
  }
  return text;
}

} // namespace reel::fault
