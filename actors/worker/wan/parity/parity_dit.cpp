#include "actors/worker/wan/parity/parts.hpp"
#include "actors/worker/wan/torch_compat.hpp"
#include "actors/worker/wan/weights.hpp"

namespace reel::wan {
namespace {

at::Tensor velocity(const parity_subject& s, const dit& expert, const at::Tensor& latent, const at::Tensor& context,
                    double timestep, const probe& see = {}) {
  auto device = s.loaded.device;
  auto text = expert.prepare_text(context.to(device), see);
  dit_row row{timestep, &text};
  auto on_device = latent.to(device).unsqueeze(0);
  auto rope = rope_table(expert.grid_of(on_device), s.loaded.config.dit.head_dim(), device);
  return expert.forward(on_device, {&row, 1}, rope, see)[0];
}

/// GROUP.latent, .context, .t and what each expert made of them.
void compare_single(const parity_subject& s, comparison& c, const std::string& group) {
  auto latent = c.input(group + ".latent"), context = c.input(group + ".context");
  auto timestep = c.input(group + ".t").item<double>();
  for (auto [name, expert] : {std::pair{"high", &s.loaded.high}, std::pair{"low", &s.loaded.low}}) {
    layer_recorder layers;
    c.compare(group + ".out_" + name, velocity(s, *expert, latent, context, timestep, layers.see()));
    auto inside = group + '_' + name + "_mid.";
    for (auto& key : c.keys_with(inside)) {
      auto layer = layers.seen.find(key.substr(inside.size()));
      if (layer == layers.seen.end()) continue;
      auto& value = layer->second;
      // The reference's patches are still a video, ours are tokens in a row.
      c.compare_flat(key, layer->first == "patch_embedding" ? value.transpose(1, 2) : value);
    }
  }
}

/// GROUP.latent0, .latent1, ...: one pass of the reference; one pass each here, since a pass takes one shape.
void compare_batch(const parity_subject& s, comparison& c, const std::string& group) {
  auto& expert = group == "mixed" ? s.loaded.low : s.loaded.high; // as they were recorded
  auto timesteps = c.input(group + ".t");
  if (c.has(group + ".seq_len")) c.input(group + ".seq_len");
  for (std::int64_t i = 0; c.has(group + ".latent" + std::to_string(i)); ++i) {
    auto number = std::to_string(i);
    c.compare(group + ".out" + number, velocity(s, expert, c.input(group + ".latent" + number),
                                                c.input(group + ".context" + number), timesteps[i].item<double>()));
  }
}

} // namespace

void compare_dit(const parity_subject& s, comparison& c) {
  for (auto& group : c.groups()) {
    if (c.has(group + ".latent")) compare_single(s, c, group);
    if (c.has(group + ".latent0")) compare_batch(s, c, group);
  }
}

/// Velocities, and t5.KEY and vae.KEY as they lie in the checkpoint's files.
void compare_checkpoint(const parity_subject& s, comparison& c) {
  auto latent = c.input("latent"), context = c.input("context");
  auto timestep = c.input("t").item<double>();
  c.compare("out_high", velocity(s, s.loaded.high, latent, context, timestep));
  c.compare("out_low", velocity(s, s.loaded.low, latent, context, timestep));
  for (auto [prefix, part] : {std::pair{"t5.", model_part::text_encoder}, std::pair{"vae.", model_part::vae}})
    for (auto& key : c.keys_with(prefix))
      c.compare(key, view_of(find_tensor(*s.files.of(part), key.substr(std::string_view{prefix}.size()))));
}

} // namespace reel::wan
