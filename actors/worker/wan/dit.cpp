#include "actors/worker/wan/dit.hpp"

#include <cmath>

#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {

at::Tensor timestep_sinusoid(double timestep, std::int64_t size) {
  auto out = at::empty({1, size}, at::kFloat);
  auto* value = out.data_ptr<float>();
  auto half = size / 2;
  for (std::int64_t j = 0; j < half; ++j) {
    auto angle = timestep * std::pow(10000.0, -static_cast<double>(j) / static_cast<double>(half));
    value[j] = static_cast<float>(std::cos(angle));
    value[half + j] = static_cast<float>(std::sin(angle));
  }
  return out;
}

dit_text dit::prepare_text(const at::Tensor& context, const probe& see) const {
  return std::move(prepare_texts({context}, see).front());
}

std::vector<dit_text> dit::prepare_texts(const std::vector<at::Tensor>& contexts, const probe& see) const {
  std::vector<at::Tensor> padded;
  for (auto& c : contexts) padded.push_back(at::constant_pad_nd(c, {0, 0, 0, config_.text_len - c.size(0)}));
  auto hidden = now().text_in(at::stack(padded));
  gelu_tanh_(hidden);
  auto text = now().text_out(hidden); // [texts, text_len, D]
  if (see) see("text_embedding", text[0]);
  std::vector<dit_text> out(contexts.size());
  for (std::int64_t i = 0; i < config_.layers; ++i) {
    auto& b = block_at(i);
    auto k = rms_norm(b.cross.k(text), b.cross.norm_k, config_.eps).unbind(0), v = b.cross.v(text).unbind(0);
    for (std::size_t n = 0; n < out.size(); ++n)
      out[n].layers.push_back(prepare_keys(split_heads(k[n], config_.heads), split_heads(v[n], config_.heads)));
  }
  return out;
}

token_grid dit::grid_of(const at::Tensor& latents) const {
  auto& p = config_.patch;
  return {latents.size(-3) / p[0], latents.size(-2) / p[1], latents.size(-1) / p[2]};
}

at::Tensor dit::forward(const at::Tensor& latents, std::span<const dit_row> rows, const at::Tensor& rope,
                        const probe& see) const {
  auto time = embed_time(rows, see);
  auto x = now().patch_embedding(patchify(latents)).to(at::kFloat);
  if (see) see("patch_embedding", x);
  for (std::int64_t i = 0; i < config_.layers; ++i) {
    auto name = "block" + std::to_string(i);
    probe see_part;
    if (see) see_part = [&see, name](const std::string& part, const at::Tensor& t) { see(name + part, t); };
    run_block(i, x, time.blocks, rows, rope, see_part);
  }

  auto m = now().head_modulation.add(time.head); // [R, 2, D]
  auto y = now().head(layer_norm(x, config_.eps).mul_(m.narrow(1, 1, 1).add(1)).add_(m.narrow(1, 0, 1)));
  if (see) see("head", y);
  return unpatchify(y, grid_of(latents));
}

std::uint64_t dit::fingerprint() const {
  auto& p = config_.patch;
  auto last = exact_
                  .get("head.head.weight", {p[0] * p[1] * p[2] * config_.out_dim, config_.dim}) // not load(): an expert
                  .to(at::kCPU, at::kFloat)                                                     // may have no room yet
                  .contiguous();
  auto* bytes = static_cast<const std::uint8_t*>(last.data_ptr());
  std::uint64_t hash = 0xcbf29ce484222325;
  for (std::size_t i = 0; i < last.nbytes(); ++i) hash = (hash ^ bytes[i]) * 0x100000001b3;
  return hash;
}

/// [R, C, T, h, w] -> [R, S, C x patch volume], features ordered (c, p_t, p_h, p_w) as the convolution's
/// weights.
at::Tensor dit::patchify(const at::Tensor& latents) const {
  auto g = grid_of(latents);
  auto& p = config_.patch;
  auto split = latents.reshape({latents.size(0), config_.in_dim, g.frames, p[0], g.height, p[1], g.width, p[2]});
  return split.permute({0, 2, 4, 6, 1, 3, 5, 7}).reshape({latents.size(0), g.count(), -1});
}

/// [R, S, patch volume x C], features ordered (p_t, p_h, p_w, c) -> [R, C, T, h, w].
at::Tensor dit::unpatchify(const at::Tensor& tokens, const token_grid& g) const {
  auto& p = config_.patch;
  auto split = tokens.reshape({tokens.size(0), g.frames, g.height, g.width, p[0], p[1], p[2], config_.out_dim});
  return split.permute({0, 7, 1, 4, 2, 5, 3, 6})
      .reshape({tokens.size(0), config_.out_dim, g.frames * p[0], g.height * p[1], g.width * p[2]});
}

/// Every token of a row has the same level, so this is once per row, and once for neighbours of equal level.
dit::time_vectors dit::embed_time(std::span<const dit_row> rows, const probe& see) const {
  auto& t = now();
  std::vector<at::Tensor> heads, blocks;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i > 0 && rows[i].timestep == rows[i - 1].timestep) {
      heads.push_back(heads.back());
      blocks.push_back(blocks.back());
      continue;
    }
    auto sinusoid = timestep_sinusoid(rows[i].timestep, config_.freq_dim).to(t.time_in.weight.device());
    heads.push_back(t.time_out(at::silu(t.time_in(sinusoid))));
    blocks.push_back(t.time_projection(at::silu(heads.back())).view({6, config_.dim}));
    if (see) see("time_embedding", heads.back()), see("time_projection", blocks.back());
  }
  return {at::stack(heads), at::stack(blocks)};
}

} // namespace reel::wan
