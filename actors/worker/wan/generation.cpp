#include "actors/worker/wan/generation.hpp"

#include <stdexcept>

#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {

generation::generation(const model& m, std::vector<schedule_step> schedule, std::vector<sample_request> samples)
    : model_{m}, schedule_{std::move(schedule)} {
  auto grid = m.high.grid_of(samples.at(0).noise);
  rope_ = rope_table(grid, m.config.dit.head_dim(), m.device);
  for (auto& s : samples)
    samples_.push_back(sample{std::move(s.prompt), std::move(s.negative), s.guidance_high, s.guidance_low,
                              sampler{std::move(s.noise)}});
}

void generation::prepare() {
  auto encode = [this](const tokens& text) {
    if (!contexts_.contains(text)) contexts_.emplace(text, model_.text.encode(text));
  };
  for (auto& s : samples_) {
    if (!s) continue;
    encode(s->prompt);
    if (s->guidance_high != 1 || s->guidance_low != 1) encode(s->negative);
  }
}

const dit_text& generation::text_for(const dit& expert, const tokens& text) {
  if (texts_of_ != &expert) {
    texts_.clear();
    texts_of_ = &expert;
  }
  auto found = texts_.find(text);
  if (found == texts_.end()) found = texts_.emplace(text, expert.prepare_text(contexts_.at(text))).first;
  return found->second;
}

float generation::guidance_now(const sample& s) const {
  return model_.is_high(schedule_[done_].timestep) ? s.guidance_high : s.guidance_low;
}

void generation::step(const probe& see) {
  if (done_ == schedule_.size()) throw std::logic_error{"generation: no step is left"};
  auto& now = schedule_[done_];
  auto& expert = model_.is_high(now.timestep) ? model_.high : model_.low;
  std::vector<dit_row> rows;
  std::vector<at::Tensor> latents;
  auto add_row = [&](const sample& s, const tokens& text) {
    rows.push_back({now.timestep, &text_for(expert, text)});
    latents.push_back(s.state.latent());
  };
  for (auto& s : samples_) {
    if (!s) continue;
    add_row(*s, s->prompt);
    if (guidance_now(*s) != 1) add_row(*s, s->negative);
  }
  if (!rows.empty()) advance(expert.forward(at::stack(latents), rows, rope_).unbind(0), see);
  ++done_;
}

/// velocities: in the order of step()'s rows.
void generation::advance(const std::vector<at::Tensor>& velocities, const probe& see) {
  auto note = [&see](const char* name, const at::Tensor& value) {
    if (see) see(name, value);
  };
  auto next = velocities.begin();
  for (auto& s : samples_) {
    if (!s) continue;
    auto velocity = *next++;
    note("noise_pred_cond", velocity);
    if (auto guidance = guidance_now(*s); guidance != 1) {
      auto& unguided = *next++;
      note("noise_pred_uncond", unguided);
      velocity = unguided.add(velocity.sub(unguided).mul_(guidance));
    }
    note("noise_pred", velocity);
    s->state.advance(schedule_[done_], velocity);
  }
}

void generation::drop(std::size_t sample) { samples_.at(sample).reset(); }

} // namespace reel::wan
