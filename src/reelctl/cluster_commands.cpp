#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "runtime/link/keys.hpp"
#include "src/reelctl/ask_control.hpp"
#include "src/reelctl/job_words.hpp"
#include "src/reelctl/table.hpp"
#include "src/reelctl/terminal.hpp"

namespace reel::ctl {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

std::string join_names(const std::vector<model_id>& models) {
  std::vector<std::string> names;
  for (const auto& m : models) names.push_back(m.value);
  return fmt::format("{}", fmt::join(names, ","));
}

json::object json_of(const node_status& n) {
  return {{"id", n.id.value},
          {"state", to_string(n.state)},
          {"roles", json::value_from(n.roles)},
          {"endpoint", n.endpoint},
          {"silent_ms", n.silent_ms},
          {"frames_sent", n.frames_sent},
          {"frames_received", n.frames_received}};
}

json::object json_of(const worker_status& w) {
  json::array models, batches;
  for (const auto& m : w.models) models.emplace_back(m.value);
  for (const auto& b : w.batches) batches.emplace_back(to_string(b));
  return {{"id", w.id.value},       {"state", to_string(w.state)}, {"pid", w.pid},
          {"device", w.device},     {"models", std::move(models)}, {"batches", std::move(batches)},
          {"restarts", w.restarts}, {"message", w.message},        {"preemptible", w.preemptible}};
}

json::array json_of(const std::vector<queue_pause>& pauses) {
  json::array all;
  for (const auto& p : pauses)
    all.push_back(json::object{{"tenant", p.tenant.value.empty() ? json::value{} : json::value(p.tenant.value)},
                               {"by", p.by.value},
                               {"since_ms", p.since.time_since_epoch().count()}});
  return all;
}

json::object json_of(const queue_view& v) {
  json::object waiting;
  for (std::size_t c = 0; c < v.waiting.size(); ++c) waiting[to_string(static_cast<job_class>(c))] = v.waiting[c];
  json::array tenants;
  for (const auto& t : v.tenants)
    tenants.push_back(json::object{
        {"tenant", t.tenant.value}, {"class", to_string(t.cls)}, {"waiting", t.waiting}, {"position", t.position}});
  return {{"waiting", std::move(waiting)},
          {"delayed", v.delayed},
          {"running", v.running},
          {"batches", v.batches},
          {"term", v.term},
          {"recovering", v.recovering},
          {"pauses", json_of(v.pauses)},
          {"tenants", std::move(tenants)}};
}

/// A line for each pause: below a table it explains why nothing moves.
void print_pauses(const std::vector<queue_pause>& pauses) {
  for (const auto& p : pauses)
    fmt::print("{} paused since {} by {}\n",
               p.tenant.value.empty() ? "the whole queue is" : "tenant " + p.tenant.value + " is",
               utc_text(std::chrono::floor<std::chrono::seconds>(p.since).time_since_epoch().count()), p.by.value);
}

json::object json_of(const explanation& e) {
  return {{"why", to_string(e.why)},
          {"text", to_string(e)},
          {"state", to_string(e.state)},
          {"class", to_string(e.cls)},
          {"attempts_used", e.attempts_used},
          {"position", e.position},
          {"eta_ms", e.eta_ms},
          {"tenant_waiting", e.tenant_waiting},
          {"class_waiting", e.class_waiting},
          {"higher_waiting", e.higher_waiting},
          {"weight", e.weight},
          {"workers_serving", e.workers_serving},
          {"workers_fitting", e.workers_fitting},
          {"workers_idle", e.workers_idle},
          {"needs_bytes", e.needs_bytes},
          {"largest_device_bytes", e.largest_device_bytes},
          {"batch_size", e.batch_size},
          {"batch", e.batch == batch_id{} ? json::value{} : json::value(to_string(e.batch))},
          {"worker", e.worker.value},
          {"step", e.step},
          {"steps_total", e.steps_total},
          {"cause", to_string(e.cause)},
          {"message", e.message},
          {"gpu_ms", e.gpu_ms},
          {"tenant_running", e.tenant_running},
          {"running_max", e.running_max},
          {"breaker", to_string(e.breaker)},
          {"breaker_failures", e.breaker_failures},
          {"breaker_attempts", e.breaker_attempts},
          {"retries_running", e.retries_running},
          {"retries_max", e.retries_max},
          {"batch_cap", e.batch_cap},
          {"degraded", to_string(e.degraded)},
          {"until_step", e.until_step},
          {"from_step", e.from_step},
          {"workers_holding", e.workers_holding}};
}

} // namespace

int nodes(const cluster_options& o) {
  auto view = ask_control<nodes_view>(o, describe_nodes{});
  if (o.json) {
    json::array all;
    for (const auto& n : view.nodes) all.push_back(json_of(n));
    fmt::print("{}\n", json::serialize(json::object{{"self", view.self.value}, {"nodes", std::move(all)}}));
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"NODE", "STATE", "ROLES", "ENDPOINT", "SILENT", "SENT", "RECEIVED"}};
  for (const auto& n : view.nodes)
    rows.push_back({n.id.value, std::string{to_string(n.state)}, fmt::format("{}", fmt::join(n.roles, ",")), n.endpoint,
                    fmt::format("{:.1f}s", static_cast<double>(n.silent_ms) / 1000), std::to_string(n.frames_sent),
                    std::to_string(n.frames_received)});
  fmt::print("{}", format_table(rows, terminal::table_columns()));
  return 0;
}

int workers(const cluster_options& o) {
  auto view = ask_control<workers_view>(o, describe_workers{});
  if (o.json) {
    json::array all;
    for (const auto& w : view.workers) all.push_back(json_of(w));
    json::object shown{{"workers", std::move(all)}, {"pauses", json_of(view.pauses)}};
    fmt::print("{}\n", json::serialize(shown));
    return 0;
  }
  std::vector<std::vector<std::string>> rows{
      {"WORKER", "STATE", "PID", "DEVICE", "MODELS", "BATCHES", "RESTARTS", "MESSAGE"}};
  for (const auto& w : view.workers)
    rows.push_back({w.id.value, std::string{to_string(w.state)}, std::to_string(w.pid), w.device, join_names(w.models),
                    std::to_string(w.batches.size()), std::to_string(w.restarts), printable(w.message, 60)});
  fmt::print("{}", format_table(rows, terminal::table_columns()));
  print_pauses(view.pauses);
  return 0;
}

int queue(const cluster_options& o) {
  auto view = ask_control<queue_view>(o, describe_queue{});
  if (o.json) {
    fmt::print("{}\n", json::serialize(json_of(view)));
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"TENANT", "CLASS", "WAITING", "NEXT AT"}};
  for (const auto& t : view.tenants)
    rows.push_back(
        {t.tenant.value, std::string{to_string(t.cls)}, std::to_string(t.waiting), std::to_string(t.position)});
  if (rows.size() > 1) fmt::print("{}", format_table(rows, terminal::table_columns()));
  fmt::print("waiting: {} urgent, {} vip, {} standard, {} free; {} for their next execution\n", view.waiting[0],
             view.waiting[1], view.waiting[2], view.waiting[3], view.delayed);
  fmt::print("running: {} in {} batches{}\n", view.running, view.batches,
             view.recovering ? "; still reading the ledger" : "");
  print_pauses(view.pauses);
  return 0;
}

int breakers(const cluster_options& o) {
  auto view = ask_control<breakers_view>(o, describe_breakers{});
  if (o.json) {
    json::array all;
    for (const auto& b : view.all)
      all.push_back(json::object{{"model", b.model.value},
                                 {"device", b.device},
                                 {"state", to_string(b.state)},
                                 {"attempts", b.attempts},
                                 {"failures", b.failures},
                                 {"slow", b.slow},
                                 {"openings", b.openings},
                                 {"probes", b.probes},
                                 {"opens_ms", b.opens_ms},
                                 {"by", b.by.value.empty() ? json::value{} : json::value(b.by.value)}});
    fmt::print("{}\n", json::serialize(json::object{{"breakers", std::move(all)}}));
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"MODEL", "CLASS", "STATE", "FAILED", "SLOW", "TRIED AGAIN IN", "BY"}};
  for (const auto& b : view.all)
    rows.push_back({b.model.value, b.device.empty() ? "-" : b.device, std::string{to_string(b.state)},
                    fmt::format("{} of {}", b.failures, b.attempts), std::to_string(b.slow),
                    b.opens_ms > 0 ? fmt::format("{:.1f}s", static_cast<double>(b.opens_ms) / 1000) : "-",
                    b.by.value.empty() ? "-" : b.by.value});
  fmt::print("{}", rows.size() > 1 ? format_table(rows, terminal::table_columns())
                                   : "no circuit breaker has seen an attempt yet\n");
  return 0;
}

int why(const cluster_options& o, const std::string& id) {
  auto e = ask_control<explanation>(o, explain_job{parse_job(id)});
  if (o.json)
    fmt::print("{}\n", json::serialize(json_of(e)));
  else
    fmt::print("{} {}\n", id, to_string(e));
  return 0;
}

int keygen(const keygen_options& o) {
  auto c = read_cluster_config(o.config, o.data_dir);
  auto names = o.names;
  if (names.empty()) {
    for (const auto& n : c.nodes) names.push_back(n.id.value);
    for (auto r : {operator_right::admin, operator_right::operate, operator_right::viewer})
      names.emplace_back(to_string(r));
  }
  fs::create_directories(c.keys_dir);
  fs::permissions(c.keys_dir, fs::perms::owner_all);
  for (const auto& name : names) {
    if (!is_valid_name(name)) throw std::runtime_error{"'" + name + "' is no node name: a-z 0-9 . _ -"};
    bool there = fs::exists(fs::path{c.keys_dir} / (name + ".secret"));
    if (there && !o.replace) {
      fmt::print("{}: kept\n", name);
      continue;
    }
    create_key_files(c.keys_dir, {name}, o.replace);
    fmt::print("{}: made\n", name);
  }
  fmt::print("keys are in {}\nEach machine needs its own NODE.secret and every NODE.public.\n"
             "People need NAME.secret of their own, and control.public.\n",
             c.keys_dir);
  return 0;
}

} // namespace reel::ctl
