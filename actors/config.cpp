#include "actors/config.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <filesystem>

#include "runtime/config.hpp"
#include "runtime/limits.hpp"

namespace reel {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr auto worker_lease_margin = 5s; ///< of worker.hpp: a worker ends its batch this long before the lease does
constexpr std::array all_roles{node_role::gateway, node_role::scheduler, node_role::storage, node_role::workers};

/// Absolute, without dots and without a slash at its end.
std::string plain(const fs::path& path) {
  auto normal = fs::absolute(path).lexically_normal();
  return (normal.has_filename() ? normal : normal.parent_path()).string();
}

/// Absolute; a relative path starts at the folder of the configuration file.
std::string resolve(const std::string& path, const std::string& file) {
  return plain(fs::absolute(file).parent_path() / path);
}

std::string name_of(config_table& t, std::string_view key) {
  auto text = t.text(key);
  if (!is_valid_name(text)) t.refuse(key, "allowed are 1 to 64 of a-z 0-9 . _ -, first a letter or digit");
  return text;
}

// ---------------------------------------------------------------- nodes

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (bad != std::errc{} || end != text.data() + text.size()) return {};
  return port;
}

/// An address that is listened on here and dialled elsewhere as it is written: neither a wildcard, which nobody can
/// dial, nor a name, which libzmq does not listen on.
bool is_dialable(std::string_view endpoint) {
  constexpr std::string_view scheme = "tcp://";
  const auto colon = endpoint.rfind(':');
  if (!endpoint.starts_with(scheme) || colon < scheme.size()) return false;
  const std::string host{endpoint.substr(scheme.size(), colon - scheme.size())};
  in_addr address{};
  if (::inet_pton(AF_INET, host.c_str(), &address) != 1 || address.s_addr == INADDR_ANY) return false;
  return parse_port(endpoint.substr(colon + 1)).value_or(0) > 0;
}

/// "IPv4:port", or "off".
void read_observe(config_table& t, node_config& n) {
  const auto text = t.text("observe", "127.0.0.1:0");
  n.observe_address.clear();
  if (text == "off") return;
  const auto colon = std::min(text.rfind(':'), text.size());
  const auto host = text.substr(0, colon);
  in_addr address{};
  const auto port = parse_port(std::string_view{text}.substr(std::min(colon + 1, text.size())));
  if (::inet_pton(AF_INET, host.c_str(), &address) != 1 || !port)
    t.refuse("observe", "allowed is \"IPv4:port\", port 0 for any free one, or \"off\"");
  n.observe_address = host;
  n.observe_port = *port;
}

node_config read_node(config_table t) {
  node_config n;
  n.id.value = name_of(t, "id");
  for (const auto& text : t.texts("roles")) {
    auto found = std::ranges::find_if(all_roles, [&](node_role r) { return to_string(r) == text; });
    if (found == all_roles.end()) t.refuse("roles", "allowed are gateway, scheduler, storage, workers");
    n.roles.insert(*found);
  }
  if (n.roles.empty()) t.refuse("roles", "a node needs at least one");
  n.listen = t.text("listen", "");
  if (!n.listen.empty() && !is_dialable(n.listen))
    t.refuse("listen", "allowed is \"tcp://IPv4:port\" with the one address of this machine by which the other nodes "
                       "reach it, port 1 to 65535; or nothing for a node that only dials");
  bool works = n.has(node_role::workers);
  n.slots = static_cast<int>(t.integer("slots", 0, 64, works ? 1 : 0));
  if ((n.slots > 0) != works) t.refuse("slots", "goes with the role workers, which needs 1 to 64");
  n.slots_min = static_cast<int>(t.integer("slots_min", 0, 64, n.slots));
  if (n.slots_min > n.slots) t.refuse("slots_min", "is more than slots, which is " + std::to_string(n.slots));
  n.preemptible = t.flag("preemptible", false);
  if (n.preemptible && !works) t.refuse("preemptible", "goes with the role workers");
  n.fault_injection = t.flag("fault_injection", false);
  read_observe(t, n);
  t.finish();
  return n;
}

void check_roles(const std::vector<node_config>& nodes, config_table& file) {
  for (auto r : all_roles) {
    auto count = std::ranges::count_if(nodes, [r](const node_config& n) { return n.has(r); });
    bool one_only = r == node_role::scheduler || r == node_role::storage; // SQLite: one host
    if (count == 0) file.refuse("node", "no node has the role " + to_string(r));
    if (one_only && count > 1) file.refuse("node", "only one node may have the role " + to_string(r));
  }
}

/// A pair of nodes with work for each other needs at least one that listens.
void check_links(const std::vector<node_config>& nodes, config_table& file) {
  for (const auto& a : nodes)
    for (const auto& b : nodes)
      if (a.id < b.id && a.listen.empty() && b.listen.empty() &&
          !(a.has(node_role::workers) && b.has(node_role::workers)))
        file.refuse("node", "neither " + a.id.value + " nor " + b.id.value + " has a `listen` address");
}

std::vector<node_config> read_nodes(config_table& file) {
  std::vector<node_config> nodes;
  for (auto& t : file.tables("node")) {
    auto n = read_node(t);
    if (std::ranges::find(nodes, n.id, &node_config::id) != nodes.end()) t.refuse("id", "is the name of two nodes");
    nodes.push_back(std::move(n));
  }
  check_roles(nodes, file);
  check_links(nodes, file);
  return nodes;
}

// ---------------------------------------------------------------- roles

gateway_config read_gateway(config_table t, const cluster_config& c) {
  gateway_config g;
  g.address = t.text("address", "127.0.0.1");
  g.port = static_cast<std::uint16_t>(t.integer("port", 0, 65535, 8080));
  g.threads = static_cast<int>(t.integer("threads", 1, 64, 1));
  auto tenants = t.text("tenants_file", "");
  g.tenants_file = tenants.empty() ? c.data_dir + "/tenants.toml" : resolve(tenants, c.file);
  t.finish();
  return g;
}

storage_config read_storage(config_table t, const cluster_config& c) {
  storage_config s;
  t.choice("ledger", {"sqlite"}, "sqlite");
  t.choice("objects", {"file"}, "file");
  auto ledger = t.text("ledger_file", "");
  s.ledger_file = ledger.empty() ? c.data_dir + "/ledger.sqlite" : resolve(ledger, c.file);
  auto objects = t.text("objects_dir", "");
  s.objects_dir = objects.empty() ? c.data_dir + "/objects" : resolve(objects, c.file);
  s.cache_kib = static_cast<std::size_t>(t.integer("cache_kib", 256, 1 << 22, 4096));
  s.ballast_bytes = static_cast<std::uint64_t>(t.integer("ballast_mib", 1, 4096, 64)) << 20;
  s.object_threads = static_cast<int>(t.integer("object_threads", 1, 64, 4));
  s.sweep_every = t.duration("sweep_every", 1s, 24h, 10min);
  s.orphan_age = t.duration("orphan_age", 1min, 720h, 1h);
  s.queued_jobs_max = static_cast<std::uint64_t>(t.integer("queued_jobs_max", 1, 100'000'000, 1'000'000));
  s.gpu_estimate = t.duration("gpu_estimate", 0ms, 24h, 60s);
  t.finish();
  return s;
}

webhooks_config read_webhooks(config_table t) {
  webhooks_config w;
  for (const auto& text : t.texts("allow_networks", std::vector<std::string>{})) {
    auto network = parse_ip_network(text);
    if (!network)
      t.refuse("allow_networks", "\"" + text + "\": allowed are networks like \"10.1.0.0/16\" or \"fd00::/8\"");
    w.allow_networks.push_back(*network);
  }
  w.pace.retry_first = t.duration("retry_first", 10ms, 1h, 5s);
  w.pace.retry_most = t.duration("retry_most", 10ms, 24h, 1h);
  if (w.pace.retry_most < w.pace.retry_first) t.refuse("retry_most", "is less than retry_first");
  w.pace.give_up_after = t.duration("give_up_after", 1s, 720h, 24h);
  w.timeout = t.duration("timeout", 100ms, 30s, 10s);
  w.threads = static_cast<std::size_t>(t.integer("threads", 1, 64, 16));
  t.finish();
  return w;
}

/// "acme=3".
std::map<tenant_id, double> read_weights(config_table& t) {
  std::map<tenant_id, double> all;
  for (const auto& text : t.texts("weights", std::vector<std::string>{})) {
    auto at = text.find('=');
    auto name = text.substr(0, at);
    double weight = 0;
    auto* end = text.data() + text.size();
    auto number = at == std::string::npos ? std::from_chars_result{end, std::errc::invalid_argument}
                                          : std::from_chars(text.data() + at + 1, end, weight);
    if (!is_valid_name(name) || number.ec != std::errc{} || number.ptr != end || !(weight >= 0.01 && weight <= 1000))
      t.refuse("weights", "\"" + text + "\": allowed is TENANT=NUMBER, the number from 0.01 to 1000");
    all[{name}] = weight;
  }
  return all;
}

/// ["22:00-06:00"].
off_peak_windows read_off_peak(config_table& t) {
  auto zone = parse_utc_offset(t.text("off_peak_zone", "+00:00"));
  if (!zone) t.refuse("off_peak_zone", "allowed is an offset from UTC like \"+02:00\" or \"-03:30\", at most 14 hours");
  std::vector<off_peak_windows::window> all;
  for (const auto& text : t.texts("off_peak", std::vector<std::string>{})) {
    auto window = parse_off_peak_window(text);
    if (!window) t.refuse("off_peak", "\"" + text + "\": allowed is \"HH:MM-HH:MM\", from 00:00 to 24:00");
    all.push_back(*window);
  }
  if (all.size() > off_peak_windows::windows_most) t.refuse("off_peak", "allowed are at most 24");
  return off_peak_windows{all, *zone};
}

/// Urgent jobs are at the front as it is.
void read_ageing(config_table& t, queue_options& q) {
  for (auto c : {job_class::vip, job_class::standard, job_class::free}) {
    auto& age = q.age_after[static_cast<std::size_t>(c)];
    age = std::chrono::floor<std::chrono::seconds>(
        t.duration("age_after_" + std::string{to_string(c)}, 1s, 24h * 365, age));
  }
}

scheduler_config read_scheduler(config_table t) {
  scheduler_config s;
  s.window = t.duration("batch_window", 0ms, 200ms, 200ms);
  s.prefetch_horizon = t.duration("prefetch_horizon", 0ms, 10s, 250ms);
  s.lease_ttl = t.duration("lease_ttl", 10s, 1h, 30s);
  s.renew_every = t.duration("renew_every", 1s, 1h, 5s);
  if (const auto most = (s.lease_ttl - worker_lease_margin) / 3; s.renew_every > most)
    t.refuse("renew_every", "three have to fit into lease_ttl less the 5 s by which a worker gives up sooner: allowed "
                            "is at most \"" +
                                std::to_string(most.count()) + "ms\"");
  s.join = t.flag("join", true);
  s.preempt = t.flag("preempt", true);
  s.preempt_patience = t.duration("preempt_patience", 0ms, 1h, 2s);
  s.recovery.retries_max = static_cast<std::uint32_t>(t.integer("retries_max", 0, 10, 3));
  s.recovery.backoff_first = t.duration("backoff_first", 1ms, 1h, 1s);
  s.weights = read_weights(t);
  s.theme = t.flag("theme", true);
  s.off_peak = read_off_peak(t);
  s.free_margin = t.number("free_margin", 0, 1, 0.1);
  read_ageing(t, s.queue);
  s.breaker_open = t.duration("breaker_open", 100ms, 1h, 30s);
  s.degrade_after = t.duration("degrade_after", 0ms, 24h, 30s);
  s.degrade_wait = t.duration("degrade_wait", 1s, 24h, 10min);
  s.cold_start = t.duration("cold_start", 0ms, 1h, 0ms);
  s.pipeline = *parse_pipeline_mode(t.choice("pipeline", {"auto", "never", "always"}, "auto"));
  s.scaling.drain_target = t.duration("drain_target", 1s, 24h, s.scaling.drain_target);
  s.scaling.cooldown = t.duration("scale_down_after", 1s, 24h, s.scaling.cooldown);
  s.recovery.backoff_most = t.duration("backoff_most", 1ms, 1h, 60s);
  if (s.recovery.backoff_most < s.recovery.backoff_first) t.refuse("backoff_most", "is less than backoff_first");
  s.queue.delay_most = std::max(s.recovery.backoff_most, fixed_pause_most);
  t.finish();
  return s;
}

workers_config read_workers(config_table t, const cluster_config& c) {
  workers_config w;
  w.credits = static_cast<std::uint32_t>(t.integer("credits", 1, 8, 2));
  auto program = t.text("program", "");
  w.program = program.empty() ? program : resolve(program, c.file);
  w.drain_time = t.duration("drain_time", 0ms, 1h, 120s);
  w.progress.stall_min = t.duration("stall_time", 1s, 1h, 30s);
  w.progress.stall_cold =
      t.duration("stall_time_cold", w.progress.stall_min, 1h, std::max(w.progress.stall_min, 120'000ms));
  w.progress.run_max = t.duration("run_time_max", w.progress.run_min, 24h, 30min);
  w.keep_warm = t.duration("keep_warm", 0ms, 24h, 0ms);
  w.null_step_time = t.duration("null_step_time", 0ms, 1min, 0ms);
  w.checkpoint_cost = t.number("checkpoint_cost", 0, 1, 0.02);
  if (w.keep_warm > 0ms && w.keep_warm < 1s) t.refuse("keep_warm", "allowed is \"0s\" (never), or at least \"1s\"");
  t.finish();
  return w;
}

// ---------------------------------------------------------------- models

frame_size read_size(config_table& t, std::string_view key, frame_size otherwise) {
  auto text = t.text(key, to_string(otherwise));
  auto size = parse_frame_size(text);
  if (!size) t.refuse(key, "allowed is \"WIDTHxHEIGHT\", for example \"832x480\"");
  return *size;
}

void read_shapes(config_table& t, model_profile& p) {
  for (const auto& text : t.texts("sizes", std::vector<std::string>{})) {
    auto size = parse_frame_size(text);
    if (!size) t.refuse("sizes", "allowed are texts like \"832x480\"");
    p.sizes.push_back(*size);
  }
  p.size_multiple = static_cast<std::int32_t>(t.integer("size_multiple", 2, 256, p.size_multiple));
  p.side_max = static_cast<std::int32_t>(t.integer("side_max", 16, 8192, p.side_max));
  p.size_default = read_size(t, "size", p.size_default);
  p.size_preview = read_size(t, "size_preview", preview_size(p));
  p.frames_max = static_cast<std::int32_t>(t.integer("frames_max", 1, 4097, p.frames_max));
  p.frames_default = static_cast<std::int32_t>(t.integer("frames", 1, 4097, std::min(p.frames_default, p.frames_max)));
  p.fps_default = static_cast<std::int32_t>(t.integer("fps", 1, 60, p.fps_default));
}

void read_sampling(config_table& t, model_profile& p) {
  p.steps_max = static_cast<std::int32_t>(t.integer("steps_max", 1, 1000, p.steps_max));
  p.steps_default = static_cast<std::int32_t>(t.integer("steps", 1, 1000, std::min(p.steps_default, p.steps_max)));
  p.steps_preview =
      static_cast<std::int32_t>(t.integer("steps_preview", 1, 1000, std::min(p.steps_preview, p.steps_default)));
  p.guidance_high = static_cast<float>(t.number("guidance_high", 0, 30, p.guidance_high));
  p.guidance_low = static_cast<float>(t.number("guidance_low", 0, 30, p.guidance_low));
  p.flow_shift = static_cast<float>(t.number("flow_shift", 0.01, 100, p.flow_shift));
  p.sampler = *parse_sampler(t.choice("sampler", {"unipc", "dpm++", "euler"}, std::string{to_string(p.sampler)}));
  p.negative_prompt = t.text("negative_prompt", "");
}

/// What is believed of the default shape's batches until they have been measured.
void read_priors(config_table& t, model_config_entry& m) {
  constexpr double gib = 1u << 30;
  const auto& p = m.profile;
  batch_key key{p.id, p.size_default.width, p.size_default.height, p.frames_default, p.steps_default};
  if (auto seconds = t.curve("cost_prior", limits::batch_jobs_max); !seconds.empty())
    m.cost = cost_prior{work_of(key), {std::move(seconds)}};
  auto peaks = t.curve("memory_prior", limits::batch_jobs_max);
  auto weights_gib = t.number("memory_prior_weights", 0, 1 << 14, 0);
  if (peaks.empty()) return;
  if (weights_gib > peaks[0].second) t.refuse("memory_prior_weights", "is more than the first of memory_prior");
  for (auto& [jobs, peak] : peaks) peak *= gib;
  m.memory = memory_prior{volume_of(key), weights_gib * gib, {std::move(peaks)}};
}

/// Where models/wan-golden, the released checkpoint and diffusers keep it.
std::string tokenizer_in(const fs::path& checkpoint) {
  for (auto name : {"spiece.model", "google/umt5-xxl/spiece.model", "tokenizer/spiece.model"})
    if (fs::exists(checkpoint / name)) return (checkpoint / name).string();
  return (checkpoint / "spiece.model").string();
}

model_config_entry read_model(config_table t, const cluster_config& c, bool is_loaded_here) {
  model_config_entry m;
  m.profile.id.value = name_of(t, "id");
  m.renderer.model = m.profile.id;
  m.renderer.kind = t.choice("kind", {"wan", "null"});
  bool is_wan = m.renderer.kind == "wan";
  auto checkpoint = is_wan ? t.text("checkpoint") : t.text("checkpoint", "");
  if (!checkpoint.empty()) m.renderer.checkpoint = resolve(checkpoint, c.file);
  if (is_wan && is_loaded_here && !fs::is_directory(m.renderer.checkpoint))
    t.refuse("checkpoint", m.renderer.checkpoint + " is no folder");
  m.renderer.device = t.text("device", "");
  m.renderer.threads = static_cast<int>(t.integer("threads", 0, 256, 0));
  m.renderer.artifact_bytes =
      static_cast<std::size_t>(t.integer("artifact_bytes", 0, static_cast<std::int64_t>(limits::object_bytes_max), 0));
  if (auto file = t.text("fail_file", ""); !file.empty()) m.renderer.fail_file = resolve(file, c.file);
  m.renderer.precision = t.choice("precision", {"auto", "float32", "bf16"}, "auto");
  m.renderer.experts = t.choice("experts", {"both", "one", "streamed"}, "both");
  m.renderer.drop_text_encoder = t.flag("drop_text_encoder", false);
  m.renderer.memory_bytes = static_cast<std::uint64_t>(t.integer("memory_mib", 0, 1 << 24, 0)) << 20;
  auto tokenizer = t.text("tokenizer", is_wan ? tokenizer_in(m.renderer.checkpoint) : "");
  if (!tokenizer.empty()) m.tokenizer_file = resolve(tokenizer, c.file);
  m.text_len = static_cast<int>(t.integer("text_len", 1, limits::prompt_tokens_max, limits::prompt_tokens_max));
  m.batch_max = static_cast<std::size_t>(t.integer("batch_max", 1, limits::batch_jobs_max, 8));
  if (auto fallback = t.text("fallback", ""); !fallback.empty()) m.fallback = model_id{fallback};
  read_shapes(t, m.profile);
  read_sampling(t, m.profile);
  read_priors(t, m);
  if (auto problem = problem_of(m.profile); !problem.empty()) t.refuse("id", problem);
  t.finish();
  return m;
}

/// The prompt travels as token ids, so both must read the same.
void check_fallbacks(const std::vector<model_config_entry>& models, config_table& file) {
  for (const auto& m : models) {
    if (!m.fallback) continue;
    auto light = std::ranges::find(models, *m.fallback, [](const auto& o) { return o.profile.id; });
    auto refuse = [&](const std::string& why) {
      file.refuse("model", "the fallback \"" + m.fallback->value + "\" of " + m.profile.id.value + " " + why);
    };
    if (light == models.end()) refuse("is no model of this file");
    if (light->profile.id == m.profile.id) refuse("is the model itself");
    if (light->fallback) refuse("has a fallback of its own; allowed is one step");
    if (light->tokenizer_file != m.tokenizer_file || light->text_len != m.text_len)
      refuse("has another tokenizer or text_len: allowed are the same");
  }
}

std::vector<model_config_entry> read_models(config_table& file, const cluster_config& c, const node_id& self) {
  auto* here = c.node(self);
  std::vector<model_config_entry> models;
  for (auto& t : file.tables("model")) {
    auto m = read_model(t, c, here && here->has(node_role::workers));
    for (const auto& other : models)
      if (other.profile.id == m.profile.id) t.refuse("id", "is the name of two models");
    if (m.profile.id == object_store_name)
      t.refuse("id", "'" + object_store_name.value + "' is what the object store's circuit breaker is called");
    models.push_back(std::move(m));
  }
  if (models.empty()) file.refuse("model", "at least one [[model]] is needed");
  check_fallbacks(models, file);
  return models;
}

} // namespace

std::string to_string(node_role r) {
  switch (r) {
  case node_role::gateway: return "gateway";
  case node_role::scheduler: return "scheduler";
  case node_role::storage: return "storage";
  case node_role::workers: return "workers";
  }
  return "unknown";
}

const node_config* cluster_config::node(const node_id& id) const {
  auto found = std::ranges::find(nodes, id, &node_config::id);
  return found == nodes.end() ? nullptr : &*found;
}

const node_config& cluster_config::node_with(node_role r) const {
  return *std::ranges::find_if(nodes, [r](const node_config& n) { return n.has(r); });
}

cluster_config read_cluster_config(const std::string& file, const std::string& data_dir, const node_id& self,
                                   std::vector<config_value>* seen) {
  auto t = config_table::read_file(file);
  cluster_config c;
  c.file = file;
  auto cluster = t.table("cluster");
  c.name = cluster.text("name", "local");
  auto data = cluster.text("data_dir", "../var/" + c.name);
  c.data_dir = data_dir.empty() ? resolve(data, file) : plain(data_dir);
  auto keys = cluster.text("keys_dir", "");
  c.keys_dir = keys.empty() ? c.data_dir + "/keys" : resolve(keys, file);
  c.log_level = cluster.choice("log_level", {"debug", "info", "warn", "error"}, "info");
  c.threads = static_cast<int>(cluster.integer("threads", 1, 256, 1));
  c.restart_pause = cluster.duration("restart_pause", 10ms, 1min, 1s);
  cluster.finish();
  c.nodes = read_nodes(t);
  c.gateway = read_gateway(t.table("gateway"), c);
  c.storage = read_storage(t.table("storage"), c);
  c.webhooks = read_webhooks(t.table("webhooks"));
  c.scheduler = read_scheduler(t.table("scheduler"));
  c.workers = read_workers(t.table("workers"), c);
  c.models = read_models(t, c, self);
  t.finish();
  if (seen) *seen = t.seen();
  return c;
}

} // namespace reel
