#include "actors/scheduler/cost_model.hpp"

namespace reel {

double volume_of(const batch_key& key) {
  return std::max(1.0, static_cast<double>(key.width) * key.height * std::max(key.frames, 1));
}

double work_of(const batch_key& key) { return volume_of(key) * key.steps_left(); }

const prior_curve& cost_model::usual_form() {
  static const prior_curve form{{{1, 8.0 / 8}, {4, 14.0 / 8}}};
  return form;
}

const prior_curve& cost_model::form(const model_id& m) const {
  auto found = priors_.find(m);
  return found == priors_.end() ? usual_form() : found->second.seconds;
}

/// What the form of its model has to be multiplied by for this key; nothing when nothing is known.
std::optional<double> cost_model::scale_for(const batch_key& key) const {
  if (const auto* m = models_.find(key.model)) return m->seconds_per_work * work_of(key);
  auto prior = priors_.find(key.model);
  if (prior == priors_.end()) return {};
  return work_of(key) / std::max(prior->second.work, 1.0);
}

namespace {

/// One step of a shape is learnt from batches of any number of steps, resumed ones too, whoever may be in them.
batch_key one_step_of(batch_key key) {
  key.steps = 1;
  key.forget_who();
  return key;
}

} // namespace

void cost_model::learn(const batch_key& whole, std::size_t jobs, duration measured) {
  if (jobs == 0 || measured <= duration{0}) return;
  auto key = one_step_of(whole);
  auto seconds = std::chrono::duration<double>(measured).count() / whole.steps_left();
  auto expected = form(key.model).at(jobs);
  auto known = scale_for(key);
  auto& k = keys_.touch(key);
  if (k.scale == 0) k.scale = known.value_or(seconds / expected);
  k.curve.learn(jobs, seconds / (expected * k.scale));
  auto& m = models_.touch(key.model);
  auto per_work = seconds / expected / work_of(key);
  m.seconds_per_work += (per_work - m.seconds_per_work) * (m.count++ == 0 ? 1 : learned_curve::weight_of_new);
}

std::optional<cost_model::duration> cost_model::predict(const batch_key& whole, std::size_t jobs) const {
  auto key = one_step_of(whole);
  const auto* k = keys_.find(key);
  auto scale = k ? std::optional{k->scale} : scale_for(key);
  if (!scale) return {};
  auto seconds = form(key.model).at(jobs) * *scale * (k ? k->curve.at(jobs).ratio : 1);
  seconds *= whole.steps_left();
  return std::chrono::duration_cast<duration>(std::chrono::duration<double>(seconds + 5e-7));
}

std::vector<std::size_t> cost_model::measured(const batch_key& key, std::size_t limit, std::uint32_t times) const {
  const auto* k = keys_.find(one_step_of(key));
  return k ? k->curve.sizes(limit, times) : std::vector<std::size_t>{};
}

std::uint32_t cost_model::count(const batch_key& key, std::size_t jobs) const {
  const auto* k = keys_.find(one_step_of(key));
  return k ? k->curve.count(jobs) : 0;
}

} // namespace reel
