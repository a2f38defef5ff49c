#include "actors/worker/wan/generation.hpp"

#include <algorithm>
#include <stdexcept>

#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {

generation::generation(const model& m, std::vector<schedule_step> schedule, std::vector<sample_request> samples,
                       text_cache* texts)
    : model_{m}, texts_{texts ? *texts : own_texts_.emplace(m)} {
  auto shared = std::make_shared<const std::vector<schedule_step>>(std::move(schedule));
  for (auto& s : samples) add(std::move(s), shared);
}

std::size_t generation::join(sample_request request, std::vector<schedule_step> schedule) {
  return add(std::move(request), std::make_shared<const std::vector<schedule_step>>(std::move(schedule)));
}

std::size_t generation::add(sample_request r, std::shared_ptr<const std::vector<schedule_step>> schedule) {
  total_ = std::max(total_, done_ + schedule->size());
  samples_.push_back(sample{.prompt = std::move(r.prompt),
                            .negative = std::move(r.negative),
                            .guidance_high = r.guidance_high,
                            .guidance_low = r.guidance_low,
                            .schedule = std::move(schedule),
                            .state = sampler{std::move(r.noise)}});
  return samples_.size() - 1;
}

void generation::prepare() {
  for (auto& s : samples_) {
    if (!s || s->prompt_text) continue;
    s->prompt_text = texts_.get(s->prompt, false);
    if (s->is_guided()) s->negative_text = texts_.get(s->negative, true);
  }
  model_.text.release();
}

const dit& generation::expert_now(const sample& s) const {
  return model_.is_high(s.now().timestep) ? model_.high : model_.low;
}

float generation::guidance_now(const sample& s) const {
  return model_.is_high(s.now().timestep) ? s.guidance_high : s.guidance_low;
}

bool generation::is_done(std::size_t sample) const {
  auto& s = samples_.at(sample);
  return s && s->step == s->schedule->size();
}

void generation::step(const probe& see) {
  if (done_ == total_) throw std::logic_error{"generation: no step is left"};
  for (auto& p : plan_step()) run(p);
  for (auto& s : samples_)
    if (s && s->step < s->schedule->size()) advance(*s, see);
  ++done_;
}

std::vector<generation::pass> generation::plan_step() {
  std::vector<pass> passes;
  for (auto& s : samples_)
    if (s && s->step < s->schedule->size()) add_rows(passes, *s);
  return passes;
}

void generation::add_rows(std::vector<pass>& passes, sample& s) {
  auto& expert = expert_now(s);
  auto add = [&](text_cache::text& text, at::Tensor& result) {
    auto fits = [&](const pass& p) {
      return p.expert == &expert && p.latents[0].sizes() == s.state.latent().sizes() &&
             (rows_max_ == 0 || p.latents.size() < rows_max_);
    };
    auto p = std::ranges::find_if(passes, fits);
    if (p == passes.end()) p = passes.insert(p, pass{.expert = &expert});
    p->timesteps.push_back(s.now().timestep);
    p->texts.push_back(&text);
    p->latents.push_back(s.state.latent());
    p->results.push_back(&result);
  };
  add(*s.prompt_text, s.velocity);
  if (guidance_now(s) != 1) add(*s.negative_text, s.unguided);
}

void generation::run(pass& p) {
  model_.serve(*p.expert);
  std::vector<dit_row> rows;
  for (std::size_t i = 0; i < p.texts.size(); ++i) rows.push_back({p.timesteps[i], &p.texts[i]->seen_by(*p.expert)});
  auto latents = at::stack(p.latents);
  auto velocities = p.expert->forward(latents, rows, rope_for(p.expert->grid_of(latents))).unbind(0);
  for (std::size_t i = 0; i < velocities.size(); ++i) *p.results[i] = velocities[i];
}

void generation::advance(sample& s, const probe& see) {
  auto note = [&see](const char* name, const at::Tensor& value) {
    if (see) see(name, value);
  };
  auto velocity = std::move(s.velocity);
  note("noise_pred_cond", velocity);
  if (auto guidance = guidance_now(s); guidance != 1) {
    auto unguided = std::move(s.unguided);
    note("noise_pred_uncond", unguided);
    velocity = unguided.add(velocity.sub(unguided).mul_(guidance));
  }
  note("noise_pred", velocity);
  s.state.advance(s.now(), velocity);
  auto& served = expert_now(s);
  ++s.step;
  auto is_last = s.step == s.schedule->size();
  if (!is_last && &expert_now(s) == &served) return;
  s.prompt_text->release(served); // who shares the text and is not there yet has it made again
  if (s.negative_text) s.negative_text->release(served);
}

/// Built once per shape.
const at::Tensor& generation::rope_for(const token_grid& grid) {
  for (auto& [known, table] : ropes_)
    if (known == grid) return table;
  ropes_.emplace_back(grid, rope_table(grid, model_.config.dit.head_dim(), model_.device));
  return ropes_.back().second;
}

void generation::drop(std::size_t sample) { samples_.at(sample).reset(); }

sample_state generation::state(std::size_t sample) const {
  auto& s = *samples_.at(sample);
  return {s.step, s.state.state()};
}

void generation::restore(std::size_t sample, sample_state state) {
  auto& s = *samples_.at(sample);
  if (state.step > s.schedule->size()) throw std::invalid_argument{"generation: a state beyond the schedule"};
  s.step = state.step;
  s.state = sampler{std::move(state.tensors)};
  done_ = std::max(done_, state.step);
  total_ = 0;
  for (auto& other : samples_)
    if (other) total_ = std::max(total_, done_ + other->schedule->size() - other->step);
}

} // namespace reel::wan
