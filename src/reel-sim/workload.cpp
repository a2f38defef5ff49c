#include "src/reel-sim/workload.hpp"

#include <algorithm>

namespace reel::sim {

using namespace std::chrono_literals;

namespace {

constexpr ms year = std::chrono::hours{24 * 365};
constexpr double gb = 1e9;
constexpr std::int64_t batch_most = 128;
constexpr double jobs_most = 20e6;   // some 100 bytes each
constexpr double seconds_most = 1e7; // of a batch: four months

prior_curve read_curve(config_table& t, const std::string& sizes, const std::string& values, double most) {
  constexpr double least = 1e-3;
  prior_curve c;
  auto x = t.integers(sizes);
  auto y = t.numbers(values, least, most);
  if (x.empty() || x.size() != y.size()) t.refuse(values, "needs one value for each of " + sizes);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] < 1 || x[i] > batch_most || (i > 0 && x[i] <= x[i - 1]))
      t.refuse(sizes, "has to rise from 1 or more to 128 at most");
    if (i > 0 && y[i] < y[i - 1]) t.refuse(values, "must not fall");
    c.points.emplace_back(static_cast<std::size_t>(x[i]), y[i]);
  }
  return c;
}

/// Two of one name could not be told apart.
void refuse_if_taken(const config_table& t, const auto& others, const std::string& id) {
  for (const auto& o : others) {
    if constexpr (requires { o.id.value; }) {
      if (o.id.value == id) t.refuse("id", "there is another one of that name");
    } else if (o.id == id)
      t.refuse("id", "there is another one of that name");
  }
}

model_truth read_model(config_table t, const std::vector<model_truth>& others) {
  model_truth m;
  m.id.value = t.text("id");
  refuse_if_taken(t, others, m.id.value);
  m.width = static_cast<std::int32_t>(t.integer("width", 8, 8192));
  m.height = static_cast<std::int32_t>(t.integer("height", 8, 8192));
  m.frames = static_cast<std::int32_t>(t.integer("frames", 1, 10'000));
  m.steps = static_cast<std::int32_t>(t.integer("steps", 1, 1000));
  m.seconds = read_curve(t, "seconds_sizes", "seconds", seconds_most);
  m.peak_gb = read_curve(t, "peak_sizes", "peak_gb", 100'000);
  m.weights_gb = t.number("weights_gb", 0, 10'000, 0.0);
  m.batch_max = static_cast<std::size_t>(t.integer("batch_max", 1, batch_most, 8));
  m.believed_seconds = t.number("believed_seconds", 0, 100, 1.0);
  m.believed_peak = t.number("believed_peak", 0, 100, 1.0);
  m.cold_start = t.duration("cold_start", 0ms, 24h, 0ms);
  m.expert_load = t.duration("expert_load", 0ms, 1h, 0ms);
  m.high_steps = static_cast<std::int32_t>(t.integer("high_steps", 0, m.steps, 0));
  m.hand_over = t.duration("hand_over", 0ms, 1h, 0ms);
  t.finish();
  return m;
}

shape read_shape(config_table t, const workload& w) {
  shape s;
  s.id = t.text("id");
  refuse_if_taken(t, w.shapes, s.id);
  auto model = t.text("model");
  auto found = std::ranges::find(w.models, model, [](const model_truth& m) { return m.id.value; });
  if (found == w.models.end()) t.refuse("model", "there is no such model");
  s.model = static_cast<std::size_t>(found - w.models.begin());
  s.key.model = found->id;
  s.key.width = static_cast<std::int32_t>(t.integer("width", 8, 8192, found->width));
  s.key.height = static_cast<std::int32_t>(t.integer("height", 8, 8192, found->height));
  s.key.frames = static_cast<std::int32_t>(t.integer("frames", 1, 10'000, found->frames));
  s.key.steps = static_cast<std::int32_t>(t.integer("steps", 1, 1000, found->steps));
  batch_key reference{found->id, found->width, found->height, found->frames, found->steps};
  s.work = work_of(s.key) / work_of(reference);
  s.volume = volume_of(s.key) / volume_of(reference);
  t.finish();
  if (w.least_work(s) <= 0) t.refuse("id", "no fleet has the memory for a job of it");
  for (const auto& f : w.fleets)
    if (w.seconds(s, 1, f) > seconds_most) t.refuse("id", "a job of it takes more than four months on " + f.id);
  return s;
}

fleet read_fleet(config_table t, const std::vector<fleet>& others) {
  fleet f;
  f.id = t.text("id");
  if (!is_valid_name(f.id)) t.refuse("id", "allowed are letters, digits, . _ -");
  refuse_if_taken(t, others, f.id);
  f.count = static_cast<std::uint32_t>(t.integer("count", 1, 100'000));
  f.memory_gb = t.number("memory_gb", 0.1, 10'000);
  f.speed = t.number("speed", 0.001, 1000, 1.0);
  f.credits = static_cast<std::uint32_t>(t.integer("credits", 1, 8, 2));
  f.lost_every = t.duration("lost_every", 0ms, year, 0ms);
  if (f.lost_every > 0ms && f.lost_every < 1min) t.refuse("lost_every", "allowed is 0s for never, or 1min and more");
  f.notice = t.duration("notice", 0ms, 1h, 0ms);
  f.back_after = t.duration("back_after", 0ms, year, 10min);
  t.finish();
  return f;
}

void read_shapes_of(config_table& t, stream& s, const std::vector<shape>& shapes) {
  auto names = t.texts("shapes");
  auto shares = t.numbers("shape_shares", 0, 1e9, std::vector<double>(names.size(), 1));
  if (names.empty()) t.refuse("shapes", "needs one shape or more");
  if (shares.size() != names.size()) t.refuse("shape_shares", "needs one share for each of shapes");
  if (std::ranges::all_of(shares, [](double share) { return share == 0; }))
    t.refuse("shape_shares", "needs one above 0");
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto found = std::ranges::find(shapes, names[i], &shape::id);
    if (found == shapes.end()) t.refuse("shapes", "there is no shape " + names[i]);
    s.shapes.push_back(static_cast<std::size_t>(found - shapes.begin()));
    s.shape_shares.push_back(shares[i]);
  }
}

stream read_stream(config_table t, const workload& w) {
  stream s;
  s.id = t.text("id");
  if (!is_valid_name(s.id)) t.refuse("id", "allowed are letters, digits, . _ -");
  refuse_if_taken(t, w.streams, s.id);
  s.cls = *parse_job_class(t.choice("class", {"urgent", "vip", "standard", "free"}, "standard"));
  s.tenants = static_cast<std::uint32_t>(t.integer("tenants", 1, 100'000, 1));
  s.zipf = t.number("zipf", 0, 5, 0.0);
  s.weight = t.number("weight", 0.001, 1000, 1.0);
  s.weight_last = t.number("weight_last", 0.001, 1000, s.weight);
  s.per_hour = t.number("per_hour", 0, 1e9, 0.0);
  s.at_start = static_cast<std::uint32_t>(t.integer("at_start", 0, 100'000'000, 0));
  s.daily_swing = t.number("daily_swing", 0, 1, 0.0);
  s.burst_factor = t.number("burst_factor", 1, 1000, 1.0);
  s.burst_every = t.duration("burst_every", 0ms, year, 0ms);
  s.burst_length = t.duration("burst_length", 0ms, year, 0ms);
  read_shapes_of(t, s, w.shapes);
  s.themes = static_cast<std::uint32_t>(t.integer("themes", 0, 60'000, 0));
  s.deadline = t.duration("deadline", 0ms, year, 0ms);
  s.cancelled = t.number("cancelled", 0, 1, 0.0);
  s.cancelled_after = t.duration("cancelled_after", 0ms, year, 10min);
  t.finish();
  return s;
}

off_peak_windows read_off_peak(config_table& t) {
  std::vector<off_peak_windows::window> all;
  for (const auto& text : t.texts("off_peak", std::vector<std::string>{})) {
    auto window = parse_off_peak_window(text);
    if (!window) t.refuse("off_peak", "allowed are texts like \"22:00-06:00\"");
    all.push_back(*window);
  }
  return off_peak_windows{all};
}

void read_head(config_table t, workload& w) {
  w.name = t.text("name");
  w.duration = t.duration("duration", 1s, year);
  w.warm_up = t.duration("warm_up", 0ms, w.duration, 0ms);
  w.load = t.number("load", 0, 100, 0.0);
  w.noise = t.number("noise", 0, 1, 0.02);
  w.peak_noise = t.number("peak_noise", 0, 1, 0.005);
  w.save_time = t.duration("save_time", 0ms, 10min, 1s);
  w.fixed_batch = static_cast<std::size_t>(t.integer("fixed_batch", 1, 128, 4));
  w.fixed_window = t.duration("fixed_window", 0ms, 1h, 500ms);
  w.preempt = t.flag("preempt", true);
  w.join = t.flag("join", true);
  w.theme = t.flag("theme", true);
  w.pipeline = *parse_pipeline_mode(t.choice("pipeline", {"auto", "never", "always"}, "auto"));
  w.off_peak = read_off_peak(t);
  w.free_margin = t.number("free_margin", 0, 1, 0.1);
  const char* names[] = {"", "age_after_vip", "age_after_standard", "age_after_free"};
  for (std::size_t c = 1; c < 4; ++c)
    w.age_after[c] = std::chrono::floor<std::chrono::seconds>(t.duration(names[c], 1s, year, ms{w.age_after[c]}));
  t.finish();
}

/// On average.
double expected_jobs(const workload& w) {
  double jobs = 0;
  auto hours = std::chrono::duration<double, std::ratio<3600>>(w.duration).count();
  for (const auto& s : w.streams) jobs += s.at_start + s.per_hour * hours;
  return jobs;
}

workload read_all(config_table t) {
  workload w;
  auto head = t.table("workload");
  read_head(head, w);
  for (auto* needed : {"model", "shape", "fleet", "stream"})
    if (t.tables(needed).empty()) t.refuse(needed, "a workload needs one or more, [[" + std::string{needed} + "]]");
  for (auto& m : t.tables("model")) w.models.push_back(read_model(m, w.models));
  for (auto& f : t.tables("fleet")) w.fleets.push_back(read_fleet(f, w.fleets));
  for (auto& s : t.tables("shape")) w.shapes.push_back(read_shape(s, w));
  for (auto& s : t.tables("stream")) w.streams.push_back(read_stream(s, w));
  t.finish();
  scale_to_load(w);
  if (auto jobs = expected_jobs(w); jobs > jobs_most)
    head.refuse(w.load > 0 ? "load" : "duration", "makes some " +
                                                      std::to_string(static_cast<std::int64_t>(std::min(jobs, 1e15))) +
                                                      " jobs; allowed are 20 million");
  return w;
}

} // namespace

workload read_workload(const std::string& file) { return read_all(config_table::read_file(file)); }
workload parse_workload(std::string_view toml, const std::string& name) {
  return read_all(config_table::read_text(toml, name));
}

std::size_t workload::fits(const shape& s, const fleet& f) const {
  auto n = models[s.model].batch_max;
  while (n > 0 && peak_gb(s, n) * (1 + 3 * peak_noise) > f.memory_gb) --n;
  return n;
}

double workload::best_rate(const shape& s, const fleet& f) const {
  double best = 0;
  for (std::size_t n = 1; n <= fits(s, f); ++n) best = std::max(best, static_cast<double>(n) / seconds(s, n, f));
  return best;
}

double workload::least_work(const shape& s) const {
  double best = 0;
  for (const auto& f : fleets) best = std::max(best, best_rate(s, f));
  return best > 0 ? 1 / best : 0;
}

double workload::capacity() const {
  double total = 0;
  for (const auto& f : fleets) {
    double relative = 0;
    for (const auto& s : shapes) relative = std::max(relative, best_rate(s, f) * least_work(s));
    total += relative * f.count;
  }
  return total;
}

void scale_to_load(workload& w) {
  if (w.load <= 0) return;
  double offered = 0; // GPU-seconds per hour
  for (const auto& s : w.streams) {
    double shares = 0, work = 0;
    for (std::size_t i = 0; i < s.shapes.size(); ++i) {
      shares += s.shape_shares[i];
      work += s.shape_shares[i] * w.least_work(w.shapes[s.shapes[i]]);
    }
    offered += s.per_hour * work / shares;
  }
  if (offered <= 0) return;
  for (auto& s : w.streams) s.per_hour *= w.load * w.capacity() * 3600 / offered;
}

scheduler_options scheduler_options_of(const workload& w) {
  scheduler_options o;
  o.preempt = w.preempt;
  o.join = w.join;
  o.queue.theme = w.theme;
  o.pipeline = w.pipeline;
  o.off_peak = w.off_peak;
  o.free_margin = w.free_margin;
  o.queue.age_after = w.age_after;
  for (const auto& m : w.models) {
    o.model_batch_max[m.id] = m.batch_max;
    o.cold_start = std::max(o.cold_start, m.cold_start);
    batch_key reference{m.id, m.width, m.height, m.frames, m.steps};
    auto seconds = m.seconds;
    for (auto& [n, v] : seconds.points) v *= m.believed_seconds;
    if (m.believed_seconds > 0) o.cost_priors[m.id] = {work_of(reference), seconds};
    auto peak = m.peak_gb;
    for (auto& [n, v] : peak.points) v *= gb * m.believed_peak;
    if (m.believed_peak > 0) o.memory_priors[m.id] = {volume_of(reference), gb * m.weights_gb * m.believed_peak, peak};
  }
  for (const auto& s : w.streams)
    for (std::uint32_t t = 0; t < s.tenants; ++t) {
      auto part = s.tenants > 1 ? static_cast<double>(t) / (s.tenants - 1) : 0;
      auto weight = s.weight + part * (s.weight_last - s.weight);
      if (weight != 1) o.weights[tenant_id{s.id + "-" + std::to_string(t)}] = weight;
    }
  return o;
}

} // namespace reel::sim
