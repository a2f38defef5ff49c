#include "actors/scheduler/expert_model.hpp"

namespace reel {

namespace {

batch_key schedule_of(const batch_key& k) { return {k.model, 0, 0, 0, k.steps, k.sampler, k.flow_shift}; }
batch_key shape_of(const batch_key& k) { return {k.model, k.width, k.height, k.frames}; }

} // namespace

void expert_model::learn(const batch_key& key, std::size_t jobs, std::int32_t until, const expert_measures& m) {
  if (m.use.resident == expert::none || jobs == 0) return;
  if (m.use.high_steps > 0 && m.use.high_steps < key.steps) high_steps_.touch(schedule_of(key)) = m.use.high_steps;
  auto& model = models_.touch(key.model);
  if (m.use.loads > 0) model.load.learn(static_cast<double>(m.use.load_ms) / 1000 / m.use.loads);
  auto each = [jobs](std::chrono::milliseconds d) { return seconds{d}.count() / static_cast<double>(jobs); };
  auto& shape = shapes_.touch(shape_of(key));
  for (auto* t : {&shape, &model.any_shape}) {
    if (until > 0) t->give.learn(each(m.hand_over));
    if (until == 0 && is_second_stage(key)) t->take.learn(each(m.fetch + m.hand_over));
  }
}

std::int32_t expert_model::high_steps(const batch_key& key) const {
  const auto* steps = high_steps_.find(schedule_of(key));
  return steps ? *steps : 0;
}

expert expert_model::needed(const batch_key& key) const {
  auto high = high_steps(key);
  if (high == 0) return expert::none;
  return key.steps_done < high ? expert::high_noise : expert::low_noise;
}

int expert_model::loads(const batch_key& key, std::int32_t until, expert resident) const {
  auto first = needed(key);
  if (first == expert::none || resident == expert::none) return 0;
  bool changes = first == expert::high_noise && (until == 0 || until > high_steps(key));
  return (first != resident ? 1 : 0) + (changes ? 1 : 0);
}

expert_model::seconds expert_model::load(const model_id& model) const {
  const auto* m = models_.find(model);
  return seconds{m ? m->load.value() : 0};
}

expert_model::seconds expert_model::hand_over(const batch_key& key, std::size_t jobs) const {
  const auto* model = models_.find(key.model);
  if (!model) return {};
  const auto* shape = shapes_.find(shape_of(key));
  auto of_job = [&](running_mean transfer::*part) {
    if (shape && (shape->*part).is_known()) return (shape->*part).value();
    const auto& any = model->any_shape.*part;
    return any.is_known() ? any.value() : model->load.value() / 2 / static_cast<double>(jobs);
  };
  return seconds{(of_job(&transfer::give) + of_job(&transfer::take)) * static_cast<double>(jobs)};
}

} // namespace reel
