#include "src/reel-sim/figures.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>

namespace reel::sim {

namespace {

/// Of sorted ones, at least one.
double quantile(const std::vector<float>& all, double part) {
  return all[std::min(all.size() - 1, static_cast<std::size_t>(part * static_cast<double>(all.size())))];
}

} // namespace

wait_figures wait_of(std::vector<float>& seconds) {
  if (seconds.empty()) return {};
  std::ranges::sort(seconds);
  return {seconds.size(), quantile(seconds, 0.50), quantile(seconds, 0.95), quantile(seconds, 0.99), seconds.back()};
}

eta_figures eta_of(std::vector<float>& errors) {
  if (errors.empty()) return {};
  std::ranges::sort(errors);
  return {errors.size(), quantile(errors, 0.50), quantile(errors, 0.90)};
}

void judge_fairness(figures& f) {
  constexpr double always = 0.95;
  std::map<job_class, std::vector<double>> shares;
  for (const auto& t : f.tenants)
    if (t.backlogged >= always) shares[t.cls].push_back(t.gpu_s / t.weight);
  for (const auto& [cls, x] : shares) {
    double sum = 0, squares = 0;
    for (double v : x) {
      sum += v;
      squares += v * v;
    }
    if (x.size() < 2 || sum <= 0) continue;
    auto n = static_cast<double>(x.size());
    f.fair_tenants += x.size();
    f.jain = std::min(f.jain, sum * sum / (n * squares));
    for (double v : x) f.share_error = std::max(f.share_error, std::abs(v / (sum / n) - 1));
  }
}

namespace {

constexpr std::array<const char*, 4> class_names{"urgent", "vip", "standard", "free"};

std::string wait_json(const wait_figures& w) {
  return fmt::format(R"({{"jobs":{},"p50_s":{:.3f},"p95_s":{:.3f},"p99_s":{:.3f},"max_s":{:.3f}}})", w.jobs, w.p50_s,
                     w.p95_s, w.p99_s, w.most_s);
}

} // namespace

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    else
      out += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
  }
  return out + '"';
}

std::string to_text(const figures& f) {
  auto out = fmt::format("{}\n", f.policy);
  out += fmt::format("  jobs                 {} ({} succeeded, {} cancelled) in {} batches of {:.2f}\n", f.jobs,
                     f.succeeded, f.cancelled, f.batches, f.mean_batch);
  if (f.unfinished > 0) out += fmt::format("  unfinished           {} jobs\n", f.unfinished);
  out += fmt::format("  joins                {} batches with {} jobs joined running ones; {:.2f} jobs in a pass\n",
                     f.joins, f.joined_jobs, f.mean_pass);
  out += fmt::format("  utilisation          {:.2f} % while work waits\n", 100 * f.utilisation);
  out += fmt::format("  videos/GPU-hour      {:.3f}\n", f.videos_per_gpu_hour);
  out += fmt::format("  makespan             {:.2f} h, {:.2f} % over the offline bound of {:.2f} h\n",
                     f.makespan_s / 3600, 100 * (f.makespan_s / std::max(f.bound_s, 1e-9) - 1), f.bound_s / 3600);
  for (std::size_t c = 0; c < 4; ++c)
    if (f.wait[c].jobs > 0)
      out += fmt::format("  wait {:<9}       p50 {:.1f} s  p95 {:.1f} s  p99 {:.1f} s  max {:.1f} s  ({} jobs); "
                         "longest without a turn {:.1f} s; done after {:.1f} s on average\n",
                         class_names[c], f.wait[c].p50_s, f.wait[c].p95_s, f.wait[c].p99_s, f.wait[c].most_s,
                         f.wait[c].jobs, f.longest_without_turn_s[c], f.mean_took_s[c]);
  for (std::size_t c = 0; c < 4; ++c)
    if (f.eta[c].jobs > 0)
      out += fmt::format("  ETA {:<9}        wrong by {:.0f} % of the time taken at p50, {:.0f} % at p90 ({} jobs)\n",
                         class_names[c], 100 * f.eta[c].p50, 100 * f.eta[c].p90, f.eta[c].jobs);
  out += fmt::format("  deadlines missed     {} of {}\n", f.deadline_misses, f.deadlines);
  out += fmt::format("  Jain index           {:.4f}, largest deviation {:.2f} % ({} always backlogged tenants)\n",
                     f.jain, 100 * f.share_error, f.fair_tenants);
  if (f.theme_purity > 0)
    out +=
        fmt::format("  alike in a batch     {:.1f} % of the jobs have the theme of its first\n", 100 * f.theme_purity);
  out += fmt::format("  preemptions          {}\n  out of memory        {}\n  workers lost         {}\n", f.preemptions,
                     f.out_of_memory, f.workers_lost);
  if (f.expert_loads > 0)
    out +=
        fmt::format("  experts brought      {}, {:.2f} for each job; {} jobs handed over between them; from arrival to "
                    "end p50 {:.1f} s  p95 {:.1f} s\n",
                    f.expert_loads,
                    static_cast<double>(f.expert_loads) / static_cast<double>(std::max<std::size_t>(f.succeeded, 1)),
                    f.handed_over, f.took.p50_s, f.took.p95_s);
  out += fmt::format("  wasted               {:.0f} of {:.0f} GPU-seconds\n", f.wasted_gpu_s, f.used_gpu_s);
  out += fmt::format("  decisions            {:.0f} per second of planning\n", f.decisions_per_s);
  if (f.bytes_per_waiting_job > 0)
    out += fmt::format("  memory               {:.0f} bytes per waiting job\n", f.bytes_per_waiting_job);
  out += fmt::format("  most waiting         {}\n  trace                {:016x}\n", f.most_waiting, f.trace_hash);
  return out;
}

std::string to_json(const figures& f, bool with_tenants) {
  std::string waits, tooks, etas, tenants;
  for (std::size_t c = 0; c < 4; ++c)
    tooks += fmt::format(R"({}"{}":{:.3f})", c ? "," : "", class_names[c], f.mean_took_s[c]);
  for (std::size_t c = 0; c < 4; ++c)
    etas += fmt::format(R"({}"{}":{{"jobs":{},"p50":{:.4f},"p90":{:.4f}}})", c ? "," : "", class_names[c],
                        f.eta[c].jobs, f.eta[c].p50, f.eta[c].p90);
  for (std::size_t c = 0; c < 4; ++c)
    waits += fmt::format("{}\"{}\":{}", c ? "," : "", class_names[c], wait_json(f.wait[c]));
  if (with_tenants)
    for (const auto& t : f.tenants)
      tenants +=
          fmt::format(R"({}{{"tenant":"{}","class":"{}","weight":{},"gpu_s":{:.1f},"backlogged":{:.3f},"wait":{}}})",
                      tenants.empty() ? "" : ",", t.tenant, class_names[static_cast<std::size_t>(t.cls)], t.weight,
                      t.gpu_s, t.backlogged, wait_json(t.wait));
  auto head = fmt::format(
      R"({{"policy":"{}","jobs":{},"succeeded":{},"cancelled":{},"unfinished":{},"batches":{},"mean_batch":{:.3f},)"
      R"("mean_pass":{:.3f},"joins":{},"joined_jobs":{},"theme_purity":{:.4f},"utilisation":{:.5f},)"
      R"("videos_per_gpu_hour":{:.4f},"makespan_s":{:.1f},"bound_s":{:.1f},"wait":{{{}}},"mean_took_s":{{{}}},)"
      R"("eta_error":{{{}}},)",
      f.policy, f.jobs, f.succeeded, f.cancelled, f.unfinished, f.batches, f.mean_batch, f.mean_pass, f.joins,
      f.joined_jobs, f.theme_purity, f.utilisation, f.videos_per_gpu_hour, f.makespan_s, f.bound_s, waits, tooks, etas);
  return head +
         fmt::format(
             R"("deadlines":{},"deadline_misses":{},"jain":{:.5f},"share_error":{:.5f},"fair_tenants":{},"preemptions":{},)"
             R"("out_of_memory":{},"workers_lost":{},"wasted_gpu_s":{:.1f},"used_gpu_s":{:.1f},"decisions_per_s":{:.0f},)"
             R"("expert_loads":{},"handed_over":{},"took":{},)"
             R"("bytes_per_waiting_job":{:.0f},"most_waiting":{},"trace_hash":"{:016x}","tenants":[{}]}})",
             f.deadlines, f.deadline_misses, f.jain, f.share_error, f.fair_tenants, f.preemptions, f.out_of_memory,
             f.workers_lost, f.wasted_gpu_s, f.used_gpu_s, f.decisions_per_s, f.expert_loads, f.handed_over,
             wait_json(f.took), f.bytes_per_waiting_job, f.most_waiting, f.trace_hash, tenants);
}

} // namespace reel::sim
