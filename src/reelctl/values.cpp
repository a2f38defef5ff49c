// What exists in the live cluster, for completion: asked for when it is needed, kept for some seconds, and nothing at
// all where the cluster does not answer soon.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "src/reelctl/ask_control.hpp"
#include "src/reelctl/command_table.hpp"
#include "src/reelctl/completion.hpp"

namespace reel::ctl {

namespace {

using names = std::vector<std::string>;
using clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kept{3};

names job_names(const cluster_options& o) {
  names all;
  const auto found = ask_control<found_jobs>(o, find_jobs{.limit = 100});
  for (const auto& j : found.jobs) all.push_back(to_string(j.request.id));
  return all;
}

names tenant_names(const cluster_options& o) {
  std::set<std::string> all;
  const auto queue = ask_control<queue_view>(o, describe_queue{});
  for (const auto& t : queue.tenants) all.insert(t.tenant.value);
  const auto found = ask_control<found_jobs>(o, find_jobs{.limit = 100});
  for (const auto& j : found.jobs) all.insert(j.request.tenant.value);
  return {all.begin(), all.end()};
}

names worker_names(const cluster_options& o) {
  names all;
  const auto view = ask_control<workers_view>(o, describe_workers{});
  for (const auto& w : view.workers) all.push_back(w.id.value);
  return all;
}

names breaker_names(const cluster_options& o) {
  std::set<std::string> all{object_store_name.value};
  for (const auto& m : o.link->config(o).models) all.insert(m.profile.id.value);
  const auto view = ask_control<breakers_view>(o, describe_breakers{});
  for (const auto& b : view.all)
    if (!b.device.empty()) all.insert(b.model.value + '/' + b.device);
  return {all.begin(), all.end()};
}

names node_names(const cluster_options& o) {
  names all;
  for (const auto& n : o.link->config(o).nodes) all.push_back(n.id.value);
  return all;
}

names model_names(const cluster_options& o) {
  names all;
  for (const auto& m : o.link->config(o).models) all.push_back(m.profile.id.value);
  return all;
}

names key_names(const cluster_options& o) {
  names all;
  for (const auto& entry : std::filesystem::directory_iterator{o.link->config(o).keys_dir})
    if (entry.path().extension() == ".secret" && right_of({entry.path().stem().string()}))
      all.push_back(entry.path().stem().string());
  return all;
}

names ask_for(const environment& e, const std::string& kind) {
  const auto& o = e.cluster;
  if (kind == "JOB") return job_names(o);
  if (kind == "TENANT") return tenant_names(o);
  if (kind == "WORKER") return worker_names(o);
  if (kind == "NODE") return node_names(o);
  if (kind == "BREAKER") return breaker_names(o);
  if (kind == "MODEL") return model_names(o);
  if (kind == "KEY") return key_names(o);
  if (kind != "PLACE") return {};
  auto all = worker_names(o);
  for (const auto& n : o.link->config(o).nodes)
    if (n.has(node_role::workers)) all.push_back(n.id.value);
  return all;
}

} // namespace

std::vector<std::string> live_values(const environment& e, const std::string& kind) {
  static std::map<std::string, std::pair<clock::time_point, names>> cache; // one console per process
  if (kind == "COMMAND") {
    command_line l{e};
    return command_names(*make_table(l));
  }
  auto& [until, values] = cache[kind];
  if (clock::now() < until) return values;
  try {
    values = ask_for(e, kind);
  } catch (const std::exception&) { // completion is no place for complaints
    values.clear();
  }
  until = clock::now() + kept;
  return values;
}

} // namespace reel::ctl
