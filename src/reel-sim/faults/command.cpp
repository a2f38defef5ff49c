#include "src/reel-sim/faults/command.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <sys/resource.h>

#include "runtime/config.hpp"
#include "src/harness/process.hpp"
#include "src/harness/temporary_folder.hpp"
#include "src/reel-sim/faults/shrink.hpp"
#include "src/reel-sim/faults/simulation.hpp"

namespace reel::faultsim {

namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// What simulating took, without the checker.
struct cost {
  double seconds = 0;
  std::uint64_t jobs = 0, events = 0;
  std::string text() const {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    return fmt::format("{} jobs simulated in {:.2f} s: {:.0f} jobs/s, {:.2f} million events/s, {} MiB", jobs, seconds,
                       static_cast<double>(jobs) / seconds, static_cast<double>(events) / seconds / 1e6,
                       used.ru_maxrss / 1024);
  }
};

struct judged_run {
  run_report report;
  std::string verdict = "not checked"; ///< of reel-check
  std::string words;                   ///< of reel-check, where it is not content
  bool is_well() const { return report.failures.empty() && (verdict == "valid" || verdict == "not checked"); }
};

class runner {
public:
  explicit runner(const command_options& o) : o_{o} {
    const auto d = o.broken.empty() ? defect::none : parse_defect(o.broken);
    if (!d) throw std::runtime_error{"there is no defect '" + o.broken + "'"};
    broken_ = *d;
    check_program_ = (fs::read_symlink("/proc/self/exe").parent_path() / "reel-check").string();
  }

  judged_run run(const plan& p, const fs::path& folder) {
    judged_run r;
    if (o_.no_check && o_.history.empty()) {
      r.report = timed(p, {});
    } else {
      fs::create_directories(folder);
      constexpr std::size_t buffer_bytes = 1 << 20;                 // gigabytes go through it
      std::array<std::vector<char>, observer_names.size()> buffers; // outlive the files
      std::array<std::ofstream, observer_names.size()> files;
      for (std::size_t i = 0; i < files.size(); ++i) {
        buffers[i].resize(buffer_bytes);
        files[i].rdbuf()->pubsetbuf(buffers[i].data(), buffer_bytes);
        files[i].open(file_of(folder, i), std::ios::binary);
      }
      r.report = timed(p, [&files](observer o, std::string_view line) {
        files[static_cast<std::size_t>(o)].write(line.data(), static_cast<std::streamsize>(line.size()));
      });
      for (auto& f : files)
        if (!f.flush()) throw std::runtime_error{folder.string() + ": a history cannot be written"};
    }
    if (o_.twice && simulate(p, {}, broken_).trace != r.report.trace)
      r.report.failures.push_back("a second run had another trace");
    if (!o_.no_check) judge(r, folder);
    return r;
  }

  const cost& spent() const { return spent_; }

private:
  run_report timed(const plan& p, const line_sink& sink) {
    const auto begun = std::chrono::steady_clock::now();
    auto r = simulate(p, sink, broken_);
    spent_.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    spent_.jobs += r.jobs;
    spent_.events += r.events;
    return r;
  }

  static std::string file_of(const fs::path& folder, std::size_t of) {
    return (folder / (std::string{observer_names[of]} + ".jsonl")).string();
  }

  void judge(judged_run& r, const fs::path& folder) const {
    std::vector<std::string> command{check_program_};
    for (const auto* argument : check_arguments) command.emplace_back(argument);
    for (std::size_t i = 0; i < observer_names.size(); ++i) command.push_back(file_of(folder, i));
    const auto output = (folder / "check.txt").string();
    const auto how = harness::process{{command, {}, output}}.wait();
    if (how.signal != 0 || how.code > 2) throw std::runtime_error{"reel-check " + how.text() + ": " + text_of(output)};
    r.verdict = how.code == 0 ? "valid" : how.code == 1 ? "invalid" : "unknown";
    if (how.code != 0) r.words = text_of(output);
  }

  const command_options& o_;
  defect broken_ = defect::none;
  std::string check_program_;
  cost spent_;
};

void print(const command_options& o, const plan& p, const judged_run& r) {
  const auto& f = r.report;
  if (o.json)
    fmt::print(
        "{{\"seed\":{},\"well\":{},\"verdict\":\"{}\",\"trace\":\"{:016x}\",\"jobs\":{},\"succeeded\":{},\"failed\":{},"
        "\"cancelled\":{},\"dead_letter\":{},\"unfinished\":{},\"grants\":{},\"refused\":{},\"terms\":{},"
        "\"lost_operations\":{},\"leases_expired\":{},\"faults\":{},\"vacuous\":{},\"events\":{},\"virtual_ms\":{},"
        "\"drained_after_ms\":{}}}\n",
        p.seed, r.is_well(), r.verdict, f.trace, f.jobs, f.succeeded, f.failed, f.cancelled, f.dead, f.unfinished,
        f.grants, f.refused, f.terms, f.lost_operations, f.leases_expired, f.faults, f.vacuous, f.events,
        f.took / ms{1}, f.drained_after / ms{1});
  else if (!r.is_well() || o.seeds <= 20)
    fmt::print(
        "seed {}: {}, {} jobs ({} succeeded, {} failed, {} cancelled, {} dead letters), {} faults, {} terms, {} "
        "grants, {} writes refused, {:.0f} s of virtual time, drained {:.0f} s after the last fault, trace {:016x}\n",
        p.seed, r.verdict, f.jobs, f.succeeded, f.failed, f.cancelled, f.dead, f.faults, f.terms, f.grants, f.refused,
        std::chrono::duration<double>(f.took).count(), std::chrono::duration<double>(f.drained_after).count(), f.trace);
  for (const auto& why : f.failures) fmt::print(stderr, "  {}\n", why);
  if (!r.words.empty()) fmt::print(stderr, "{}", r.words);
}

std::string arguments_of(const command_options& o, const plan& p) {
  auto text = fmt::format("--seed {} --jobs {}", p.seed, p.jobs);
  if (o.size.nodes != 0) text += fmt::format(" --nodes {}", o.size.nodes);
  if (o.size.slots != 0) text += fmt::format(" --slots {}", o.size.slots);
  if (!o.broken.empty()) text += " --broken " + o.broken;
  return text;
}

void print_smallest(runner& r, const command_options& o, const plan& p, const fs::path& folder) {
  auto fails = [&](const plan& smaller) { return !r.run(smaller, folder).is_well(); };
  const auto s = shrink(p, fails);
  fmt::print("# the smallest plan found in {} runs; save it and run: reel-sim --faults --replay FILE{}\n{}\n", s.tried,
             o.broken.empty() ? "" : " --broken " + o.broken, to_toml(s.smallest));
}

bool run_one(runner& r, const command_options& o, const plan& p) {
  const harness::temporary_folder temporary{"reel-sim"};
  const auto folder = o.history.empty() ? temporary.path() : fs::path{o.history} / std::to_string(p.seed);
  const auto result = r.run(p, folder);
  print(o, p, result);
  if (result.is_well()) return true;
  if (o.replay.empty()) fmt::print("failed: run it again with: reel-sim --faults {}\n", arguments_of(o, p));
  if (o.shrink) print_smallest(r, o, p, temporary.path());
  return false;
}

} // namespace

int run_faults(const command_options& o) {
  runner r{o};
  if (!o.replay.empty()) {
    if (!fs::exists(o.replay)) throw std::runtime_error{o.replay + ": there is no such file"};
    return run_one(r, o, parse_plan(text_of(o.replay), o.replay)) ? 0 : 1;
  }
  if (o.print_plan) {
    fmt::print("{}", to_toml(draw_plan(o.seed, o.size)));
    return 0;
  }
  std::uint64_t failed = 0;
  for (std::uint64_t i = 0; i < o.seeds; ++i)
    if (!run_one(r, o, draw_plan(o.seed + i, o.size))) ++failed;
  if (!o.json) fmt::print("{}\n{} of {} seeds are well\n", r.spent().text(), o.seeds - failed, o.seeds);
  return failed == 0 ? 0 : 1;
}

} // namespace reel::faultsim
