#include "src/reel-train/dit_lesson.hpp"

#include <cmath>

#include "actors/worker/wan/dit.hpp"
#include "actors/worker/wan/text_encoder.hpp"
#include "actors/worker/wan/torch_compat.hpp"
#include "src/world/chance.hpp"

namespace reel::train {
namespace {

double uniform(std::mt19937_64& rng) { return world::between(rng, 0, 1); }

/// Middle levels, towards noise, more often; within the range.
double draw_level(const level_range& range, std::mt19937_64& rng) {
  for (int tries = 0; tries < 1000; ++tries) {
    auto normal = std::sqrt(-2 * std::log(1 - uniform(rng))) * std::cos(6.283185307179586 * uniform(rng));
    auto level = 1 / (1 + std::exp(-(0.5 + normal)));
    if (level >= range.low && level <= range.high) return level;
  }
  return range.low + (range.high - range.low) * uniform(rng);
}

lesson draw_lesson(const dit_lessons& from, const level_range& range, std::mt19937_64& rng) {
  lesson out;
  std::vector<at::Tensor> latents;
  auto levels = at::empty({from.batch, 1, 1, 1, 1}, at::kFloat);
  for (std::int64_t i = 0; i < from.batch; ++i) {
    auto index = rng() % from.examples->size();
    auto& captions = (*from.examples)[index].captions;
    latents.push_back(from.latents[static_cast<std::int64_t>(index)]);
    out.texts.push_back(uniform(rng) < text_left_out ? no_text : captions[rng() % captions.size()]);
    auto level = draw_level(range, rng);
    levels.data_ptr<float>()[i] = static_cast<float>(level);
    out.timesteps.push_back(level * static_cast<double>(from.config.train_timesteps));
  }
  auto clean = at::stack(latents);
  out.velocity = normal(clean.sizes(), rng()).sub(clean);
  out.noisy = clean.add(levels.mul(out.velocity));
  return out;
}

/// Mean squared error of the velocity.
at::Tensor loss_of(const dit_lessons& from, const std::shared_ptr<const parameter_map>& transformer,
                   const std::vector<at::Tensor>& contexts, const lesson& l) {
  wan::weights w{transformer, at::TensorOptions{}.dtype(at::kFloat)};
  wan::dit dit{from.config.dit, w, {.products = type_of_products()}};
  auto texts = dit.prepare_texts(contexts);
  std::vector<wan::dit_row> rows;
  for (std::size_t i = 0; i < texts.size(); ++i) rows.push_back({l.timesteps[i], &texts[i]});
  auto rope = wan::rope_table(dit.grid_of(l.noisy), from.config.dit.head_dim(), at::kCPU);
  auto error = dit.forward(l.noisy, rows, rope).sub(l.velocity).square();
  return l.weight.defined() ? error.mul(l.weight).mean() : error.mean();
}

std::vector<at::Tensor> read_texts(const dit_lessons& from, const std::shared_ptr<const parameter_map>& text,
                                   const lesson& l) {
  wan::weights w{text, at::TensorOptions{}.dtype(type_of_products())};
  return wan::text_encoder{from.config.text, w}.encode_all(l.texts);
}

} // namespace

parameter_map train_transformer(const dit_lessons& lessons, parameter_map parameters, const parameter_map& text,
                                const std::function<lesson(std::mt19937_64&)>& draw, const stage_options& options) {
  auto fixed_text = std::make_shared<const parameter_map>(text);
  learner learns{options, how_transformers_learn()};
  return learns.run(parameters, [&](auto& live, part_of_step part) {
    auto l = draw(part.rng);
    std::vector<at::Tensor> contexts;
    {
      c10::NoGradGuard guard;
      contexts = read_texts(lessons, fixed_text, l);
    }
    return loss_of(lessons, live, contexts, l);
  });
}

parameter_map train_velocity(const dit_lessons& lessons, parameter_map parameters, const parameter_map& text,
                             level_range levels, const stage_options& options) {
  return train_transformer(
      lessons, std::move(parameters), text, [&](auto& rng) { return draw_lesson(lessons, levels, rng); }, options);
}

} // namespace reel::train
