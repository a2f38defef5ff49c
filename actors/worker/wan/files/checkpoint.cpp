#include "actors/worker/wan/files/checkpoint.hpp"

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/files/derive_config.hpp"
#include "actors/worker/wan/files/official.hpp"
#include "actors/worker/wan/files/shards.hpp"

namespace reel::wan {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& why) {
  throw render_error{errc::corrupt, file.string() + ": " + why};
}

void check_together(const checkpoint_folder& folder, const model_config& c, const dit_config& low) {
  if (c.dit != low)
    refuse(folder.of(model_part::low_noise).tensors,
           "the low-noise expert has other sizes than the high-noise expert in " +
               folder.of(model_part::high_noise).tensors.string());
  if (c.dit.in_dim != c.vae.latent_channels)
    refuse(folder.of(model_part::vae).tensors, "tensor conv2.weight: expected " + std::to_string(c.dit.in_dim) +
                                                   " latent channels as the experts have, found " +
                                                   std::to_string(c.vae.latent_channels));
  if (c.dit.text_dim != c.text.dim)
    refuse(folder.of(model_part::text_encoder).tensors,
           "tensor token_embedding.weight: expected " + std::to_string(c.dit.text_dim) +
               " columns as the experts' text_embedding.0.weight, found " + std::to_string(c.text.dim));
}

} // namespace

tensor_map read_part(const checkpoint_folder& folder, model_part part) {
  return with_original_names(part, read_tensors(folder.of(part).tensors));
}

model_config read_config(const checkpoint_folder& folder,
                         const std::array<std::shared_ptr<const tensor_map>, 4>& parts) {
  if (folder.layout == checkpoint_layout::single_config) return read_model_config(folder.config);
  auto of = [&parts](model_part p) -> const tensor_map& { return *parts[static_cast<std::size_t>(p)]; };
  model_config c;
  c.dit = derive_dit(folder, model_part::high_noise, of(model_part::high_noise));
  c.text = derive_text(folder, of(model_part::text_encoder));
  c.vae = derive_vae(folder, of(model_part::vae));
  c.train_timesteps = official_config().train_timesteps;
  c.boundary = boundary_of(folder);
  check_together(folder, c, derive_dit(folder, model_part::low_noise, of(model_part::low_noise)));
  return c;
}

checkpoint open_checkpoint(const std::filesystem::path& folder) {
  checkpoint c{.folder = find_checkpoint(folder)};
  for (auto p : model_parts)
    c.parts[static_cast<std::size_t>(p)] = std::make_shared<const tensor_map>(read_part(c.folder, p));
  c.config = read_config(c.folder, c.parts);
  return c;
}

} // namespace reel::wan
