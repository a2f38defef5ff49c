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

namespace {

/// One step of a shape is learnt from batches of any number of steps, resumed ones too, whoever may be in them.
batch_key one_step_of(batch_key key) {
  key.steps = 1;
  key.forget_who();
  return key;
}

} // namespace

cost_model::device_number cost_model::number_of(std::string_view device) const {
  auto found = devices_.find(device);
  return found == devices_.end() ? 0 : found->second;
}

/// What the form of its model has to be multiplied by for this key; nothing when nothing is known.
std::optional<double> cost_model::scale_for(device_number device, const batch_key& step) const {
  for (auto on : {device, device_number{0}})
    if (const auto* m = models_.find({on, step.model})) return m->seconds_per_work * work_of(step);
  auto prior = priors_.find(step.model);
  if (prior == priors_.end()) return {};
  return work_of(step) / std::max(prior->second.work, 1.0);
}

void cost_model::learn(const batch_key& key, std::size_t jobs, duration measured, std::string_view device) {
  if (jobs == 0 || measured <= duration{0}) return;
  auto seconds = std::chrono::duration<double>(measured).count() / key.steps_left();
  auto step = one_step_of(key);
  learn_on(0, step, jobs, seconds);
  if (device.empty()) return;
  if (devices_.size() < devices_max) devices_.try_emplace(std::string{device}, devices_.size() + 1);
  if (auto number = number_of(device)) learn_on(number, step, jobs, seconds);
}

void cost_model::learn_on(device_number device, const batch_key& step, std::size_t jobs, double seconds) {
  auto expected = form(step.model).at(jobs);
  auto known = scale_for(device, step);
  auto& k = keys_.touch({device, step});
  if (k.scale == 0) k.scale = known.value_or(seconds / expected);
  k.curve.learn(jobs, seconds / (expected * k.scale));
  auto& m = models_.touch({device, step.model});
  auto per_work = seconds / expected / work_of(step);
  m.seconds_per_work += (per_work - m.seconds_per_work) * (m.count++ == 0 ? 1 : learned_curve::weight_of_new);
}

std::optional<cost_model::duration> cost_model::predict(const batch_key& key, std::size_t jobs,
                                                        std::string_view device) const {
  const auto on = number_of(device);
  device_key here_and{on, one_step_of(key)};
  const auto& step = here_and.second;
  const auto* k = keys_.find(here_and);
  double beside_any = 1;
  if (!k && on != 0) {
    const auto *here = models_.find({on, step.model}), *any = models_.find({0, step.model});
    k = keys_.find({0, step});
    if (k && here && any) beside_any = here->seconds_per_work / any->seconds_per_work;
  }
  auto scale = k ? std::optional{k->scale} : scale_for(on, step);
  if (!scale) return {};
  auto seconds = form(step.model).at(jobs) * *scale * beside_any * (k ? k->curve.at(jobs).ratio : 1);
  seconds *= key.steps_left();
  return std::chrono::duration_cast<duration>(std::chrono::duration<double>(seconds + 5e-7));
}

const cost_model::of_key* cost_model::find(const batch_key& key, std::string_view device) const {
  return keys_.find({number_of(device), one_step_of(key)});
}

std::vector<std::size_t> cost_model::measured(const batch_key& key, std::size_t limit, std::uint32_t times,
                                              std::string_view device) const {
  const auto* k = find(key, device);
  return k ? k->curve.sizes(limit, times) : std::vector<std::size_t>{};
}

std::uint32_t cost_model::count(const batch_key& key, std::size_t jobs, std::string_view device) const {
  const auto* k = find(key, device);
  return k ? k->curve.count(jobs) : 0;
}

} // namespace reel
