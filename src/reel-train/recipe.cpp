#include "src/reel-train/recipe.hpp"

#include <fmt/format.h>
#include <optional>

#include "actors/worker/wan/torch_compat.hpp"
#include "src/reel-train/dit_stage.hpp"
#include "src/reel-train/export.hpp"
#include "src/reel-train/few_step_stage.hpp"
#include "src/reel-train/loss_picture.hpp"
#include "src/reel-train/text_stage.hpp"
#include "src/reel-train/vae_stage.hpp"
#include "src/world/scene.hpp"

namespace reel::train {

namespace fs = std::filesystem;

namespace {

wan::model_config config_of(const recipe_options& o) {
  wan::model_config c;
  c.dit = {.patch = {1, 2, 2},
           .text_len = 48,
           .text_dim = 128,
           .in_dim = 16,
           .out_dim = 16,
           .dim = 192,
           .ffn_dim = 768,
           .freq_dim = 64,
           .heads = 6,
           .layers = 6,
           .eps = 1e-6};
  c.text = {.vocabulary = pieces_of(o.tokenizer),
            .dim = 128,
            .attention_dim = 128,
            .ffn_dim = 256,
            .heads = 4,
            .layers = 4,
            .buckets = 32,
            .distance_max = 128,
            .eps = 1e-6};
  c.vae = {.dim = 8,
           .latent_channels = 16,
           .blocks_per_level = 1,
           .widths = {1, 2, 4, 8},
           .halves_time = {false, true, true},
           .mean = std::vector<double>(16, 0),
           .deviation = std::vector<double>(16, 1)};
  c.train_timesteps = 1000;
  c.boundary = 0.875;
  return c;
}

std::int64_t scaled(const recipe_options& o, std::int64_t steps) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(steps) * o.scale));
}

stage_options stage_of(const recipe_options& o, std::string name, std::int64_t steps, double learning_rate,
                       std::int64_t save_steps = 500) {
  return {.name = std::move(name),
          .folder = o.work,
          .steps = scaled(o, steps),
          .learning_rate = learning_rate,
          .threads = o.threads,
          .seed = o.seed,
          .save_steps = save_steps};
}

void run_vae(const recipe_options& o, const std::vector<world::example>& examples) {
  if (!o.from.empty())
    return save(o.work / "vae.safetensors", load(wan::open_checkpoint(o.from), wan::model_part::vae),
                stored_as::float32);
  constexpr std::size_t held_out_count = 24, pool = 3000;
  auto in_memory = std::min(pool, examples.size() - held_out_count);
  auto held_out = draw_clips(examples, 0, held_out_count);
  auto clips = draw_clips(examples, held_out_count, in_memory);
  auto c = config_of(o);
  auto vae = train_vae(c.vae, clips, held_out, stage_of(o, "vae", 4200, 2e-3, 250));
  fmt::print("vae: {} parameters, psnr {:.2f}; of clips that went through it the reader reads {}\n", count_of(vae),
             psnr_of(c.vae, vae, held_out), read_back(c.vae, vae, examples, 0));
  save(o.work / "vae.safetensors", vae, stored_as::float32);
}

/// Means and deviations beside the latents.
void run_latents(const recipe_options& o, const std::vector<world::example>& examples) {
  auto all = encode_clips(config_of(o).vae, load(o.work / "vae.safetensors"), examples, o.threads);
  auto row = [](const std::vector<double>& values) {
    auto t = at::empty({static_cast<std::int64_t>(values.size())}, at::kFloat);
    for (std::size_t i = 0; i < values.size(); ++i) t.data_ptr<float>()[i] = static_cast<float>(values[i]);
    return t;
  };
  save(o.work / "latents.safetensors",
       {{"latents", all.means}, {"mean", row(all.mean)}, {"deviation", row(all.deviation)}}, stored_as::float32);
  fmt::print("latents: {} clips\n", examples.size());
}

/// How a model is used where nothing else is asked.
wan::generation_defaults usual(std::int32_t steps, float guidance) {
  return {.width = world::side_px,
          .height = world::side_px,
          .frames = world::clip_frames,
          .fps = 8,
          .steps = steps,
          .guidance_high = guidance,
          .guidance_low = guidance,
          .flow_shift = 3,
          .negative_prompt = ""};
}

wan::model_config with_statistics(wan::model_config c, const parameter_map& latents) {
  auto numbers = [](const at::Tensor& t) {
    return std::vector<double>{t.data_ptr<float>(), t.data_ptr<float>() + t.numel()};
  };
  c.vae.mean = numbers(latents.at("mean"));
  c.vae.deviation = numbers(latents.at("deviation"));
  return c;
}

/// As the model to go on from has them. A tensor that has another shape there begins anew, as all do without one.
parameter_map first_of(const recipe_options& o, wan::model_part part, const wan::model_config& config) {
  auto all = first_parameters(part, config, o.seed);
  if (o.from.empty()) return all;
  for (auto& [name, t] : load(wan::open_checkpoint(o.from), part))
    if (auto mine = all.find(name); mine != all.end() && mine->second.sizes() == t.sizes()) mine->second = t;
  return all;
}

void run_text(const recipe_options& o) {
  auto examples = world::read_dataset(o.texts.empty() ? o.dataset : o.texts);
  auto config = config_of(o);
  auto text = train_text({.config = config.text, .examples = &examples},
                         first_of(o, wan::model_part::text_encoder, config), stage_of(o, "text", 5000, 2e-3));
  fmt::print("text: {} parameters\n", count_of(text));
  save(o.work / "text.safetensors", text, stored_as::float32);
}

void run_base(const recipe_options& o, const dit_lessons& lessons) {
  auto first = first_of(o, wan::model_part::low_noise, lessons.config);
  fmt::print("base: {} parameters\n", count_of(first));
  save(o.work / "base.safetensors",
       train_velocity(lessons, first, load(o.work / "text.safetensors"), {}, stage_of(o, "base", 4000, 2e-3, 250)),
       stored_as::float32);
}

void run_expert(const recipe_options& o, const dit_lessons& lessons, const std::string& name, level_range levels) {
  save(o.work / (name + ".safetensors"),
       train_velocity(lessons, load(o.work / "base.safetensors"), load(o.work / "text.safetensors"), levels,
                      stage_of(o, name, 1500, 1e-3)),
       stored_as::float32);
}

/// What a stage has given, or what it would give if it ended now; nothing: it has not begun.
std::optional<parameter_map> latest(const recipe_options& o, const std::string& stage) {
  auto done = o.work / (stage + ".safetensors"), state = o.work / (stage + ".state.safetensors");
  if (fs::exists(done)) return load(done);
  if (fs::exists(state)) return take_from(load(state), "average.");
  return std::nullopt;
}

/// An expert that was not trained yet is the base.
void run_export(const recipe_options& o) {
  if (o.out.empty()) throw std::runtime_error{"export needs --out"};
  auto base = latest(o, "base").value();
  auto expert = [&](const std::string& name) { return latest(o, name).value_or(base); };
  trained_model m{.name = "wan-small",
                  .config = with_statistics(config_of(o), load(o.work / "latents.safetensors")),
                  .how = usual(16, 4),
                  .text = load(o.work / "text.safetensors"),
                  .high = expert("high"),
                  .low = expert("low"),
                  .vae = latest(o, "vae").value()};
  export_model(o.out / m.name, m, o.tokenizer);
  keep_losses(o.work, {"vae", "text", "base", "high", "low"}, o.out / m.name / "training");
  if (auto tiny = latest(o, "tiny")) {
    m.name = "wan-tiny";
    m.how = usual(4, 1);
    m.high = m.low = *tiny;
    export_model(o.out / m.name, m, o.tokenizer);
    keep_losses(o.work, {"tiny"}, o.out / m.name / "training");
  }
}

trajectory_options teacher_of(const recipe_options& o) {
  return {.teacher = o.out / "wan-small",
          .videos = static_cast<std::size_t>(scaled(o, 6000)),
          .threads = o.threads,
          .seed = o.seed};
}

void run_tiny(const recipe_options& o, const dit_lessons& lessons) {
  auto from = load_trajectories(o.work / "trajectories.safetensors", *lessons.examples, teacher_of(o));
  save(o.work / "tiny.safetensors",
       train_few_step(lessons, from, load(o.work / "base.safetensors"), load(o.work / "text.safetensors"),
                      stage_of(o, "tiny", 1500, 1e-3, 250)),
       stored_as::float32);
}

} // namespace

std::vector<std::string> stage_names() {
  return {"all", "vae", "latents", "text", "base", "high", "low", "export", "trajectories", "tiny"};
}

void run_recipe(const recipe_options& o, const std::string& stage) {
  // Asked for by name, or not done yet.
  auto wants = [&](const std::string& name) {
    return stage == name || (stage == "all" && !fs::exists(o.work / (name + ".safetensors")));
  };
  auto examples = world::read_dataset(o.dataset);
  if (wants("vae")) run_vae(o, examples);
  if (wants("latents")) run_latents(o, examples);
  if (wants("text")) run_text(o);
  dit_lessons lessons{.config = {}, .examples = &examples, .latents = {}};
  if (wants("base") || wants("high") || wants("low") || wants("tiny")) {
    auto latents = load(o.work / "latents.safetensors");
    lessons.config = with_statistics(config_of(o), latents);
    lessons.latents = latents.at("latents");
    if (lessons.latents.size(0) != static_cast<std::int64_t>(examples.size()))
      throw std::runtime_error{"the latents are of another dataset: run the stage latents again"};
  }
  if (wants("base")) run_base(o, lessons);
  if (wants("high")) run_expert(o, lessons, "high", {lessons.config.boundary, 1});
  if (wants("low")) run_expert(o, lessons, "low", {0, lessons.config.boundary});
  if (wants("export")) run_export(o);
  if (wants("trajectories")) save(o.work / "trajectories.safetensors", draw_trajectories(examples, teacher_of(o)));
  if (wants("tiny")) run_tiny(o, lessons);
  if (stage == "all") run_export(o); // once more, with the light model
}

} // namespace reel::train
