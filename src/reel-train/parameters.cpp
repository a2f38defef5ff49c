#include "src/reel-train/parameters.hpp"

#include <cmath>

#include "actors/worker/wan/files/module_shapes.hpp"
#include "actors/worker/wan/files/safetensors.hpp"
#include "actors/worker/wan/files/safetensors_writer.hpp"
#include "actors/worker/wan/noise.hpp"
#include "actors/worker/wan/torch_compat.hpp"

namespace reel::train {
namespace {

using shape = std::vector<std::int64_t>;

/// Each tensor draws its own numbers, so that they do not depend on which others there are.
class drawer {
public:
  explicit drawer(std::uint64_t seed) : seed_{seed} {}

  at::Tensor normal(const std::string& name, const shape& s, double deviation) const {
    std::uint64_t hash = 0xcbf29ce484222325 ^ seed_; // FNV-1a
    for (unsigned char c : name) hash = (hash ^ c) * 0x100000001b3;
    return train::normal(s, hash).mul_(deviation);
  }

private:
  std::uint64_t seed_;
};

bool ends_with(std::string_view name, std::string_view end) { return name.ends_with(end); }
bool has(std::string_view name, std::string_view part) { return name.find(part) != name.npos; }

/// [out, in, 3, 1, 1]: the encoder's picks the last of the three frames, the decoder's gives both frames what it had.
at::Tensor time_convolution(const shape& s) {
  auto t = at::zeros(s, at::kFloat);
  for (std::int64_t out = 0; out < s[0]; ++out)
    t.index_put_({at::tensor(out), at::tensor(out % s[1]), at::tensor(std::int64_t{2})}, at::ones({1, 1, 1}));
  return t;
}

at::Tensor first_vae(const std::string& name, const shape& s, const drawer& draw) {
  if (ends_with(name, ".gamma")) return at::ones(s, at::kFloat);
  if (ends_with(name, ".bias") || ends_with(name, "residual.6.weight") || ends_with(name, "proj.weight"))
    return at::zeros(s, at::kFloat);
  if (ends_with(name, "time_conv.weight")) return time_convolution(s);
  auto fan_in = s[1] * s[s.size() - 1] * s[s.size() - 2];
  auto gain = ends_with(name, "residual.2.weight") || has(name, "head.2") ? std::sqrt(2.0) : 1.0; // behind a SiLU
  if (s.size() == 4 || s[2] == 1) return draw.normal(name, s, gain / std::sqrt(static_cast<double>(fan_in)));
  auto t = at::zeros(s, at::kFloat);
  auto last = draw.normal(name, {s[0], s[1], s[3], s[4]}, gain / std::sqrt(static_cast<double>(fan_in)));
  t.select(2, s[2] - 1).copy_(last);
  return t;
}

at::Tensor first_dit(const std::string& name, const shape& s, const drawer& draw) {
  if (ends_with(name, "modulation")) return draw.normal(name, s, 1 / std::sqrt(static_cast<double>(s.back())));
  if (has(name, "norm") && ends_with(name, ".weight")) return at::ones(s, at::kFloat);
  if (ends_with(name, ".bias") || name == "head.head.weight") return at::zeros(s, at::kFloat);
  if (has(name, "time_embedding") || has(name, "text_embedding")) return draw.normal(name, s, 0.02);
  auto in = 1.0;
  for (std::size_t i = 1; i < s.size(); ++i) in *= static_cast<double>(s[i]);
  return draw.normal(name, s, std::sqrt(2 / (in + static_cast<double>(s[0])))); // Glorot
}

at::Tensor first_text(const std::string& name, const shape& s, const wan::text_config& c, const drawer& draw) {
  auto dim = static_cast<double>(c.dim);
  if (has(name, "norm")) return at::ones(s, at::kFloat);
  if (name == "token_embedding.weight") return draw.normal(name, s, 1);
  if (has(name, "pos_embedding")) return draw.normal(name, s, 1 / std::sqrt(dim));
  if (ends_with(name, "attn.q.weight")) // does the scaling that the attention leaves out
    return draw.normal(name, s, 1 / std::sqrt(dim * static_cast<double>(c.attention_dim / c.heads)));
  return draw.normal(name, s, 1 / std::sqrt(static_cast<double>(s[1])));
}

} // namespace

parameter_map first_parameters(wan::model_part part, const wan::model_config& config, std::uint64_t seed) {
  drawer draw{seed};
  parameter_map out;
  for (auto& [name, s] : wan::shapes_of(part, config)) {
    switch (part) {
    case wan::model_part::vae: out[name] = first_vae(name, s, draw); break;
    case wan::model_part::text_encoder: out[name] = first_text(name, s, config.text, draw); break;
    default: out[name] = first_dit(name, s, draw);
    }
  }
  return out;
}

at::ScalarType type_of_products() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512bf16")) return at::kBFloat16;
#endif
  return at::kFloat;
}

at::Tensor normal(at::IntArrayRef sizes, std::uint64_t seed) {
  auto t = at::empty(sizes, at::kFloat);
  wan::fill_normal(seed, {t.data_ptr<float>(), static_cast<std::size_t>(t.numel())});
  return t;
}

parameter_map copy_of(const parameter_map& parameters) {
  parameter_map out;
  for (auto& [name, t] : parameters) out[name] = t.clone();
  return out;
}

void put_under(parameter_map& all, const std::string& prefix, const parameter_map& part) {
  for (auto& [name, t] : part) all[prefix + name] = t;
}

parameter_map take_from(const parameter_map& all, const std::string& prefix) {
  parameter_map out;
  for (auto& [name, t] : all)
    if (name.starts_with(prefix)) out[name.substr(prefix.size())] = t;
  return out;
}

void save(const std::filesystem::path& file, const parameter_map& parameters, stored_as type) {
  std::map<std::string, wan::tensor_bytes, std::less<>> tensors;
  std::vector<at::Tensor> kept;
  constexpr std::pair<at::ScalarType, wan::element> types[] = {
      {at::kFloat, wan::element::f32}, {at::kBFloat16, wan::element::bf16}, {at::kHalf, wan::element::f16}};
  auto [in_memory, in_file] = types[static_cast<std::size_t>(type)];
  for (auto& [name, t] : parameters) {
    kept.push_back(t.detach().to(at::kCPU, in_memory).contiguous());
    tensors[name] = {in_file,
                     kept.back().sizes().vec(),
                     {static_cast<const std::byte*>(kept.back().data_ptr()), kept.back().nbytes()}};
  }
  wan::write_safetensors(file, tensors);
}

namespace {

parameter_map in_memory(const wan::tensor_map& stored) {
  parameter_map out;
  for (auto& [name, t] : stored) out[name] = wan::view_of(t).to(at::kFloat).clone();
  return out;
}

} // namespace

parameter_map load(const std::filesystem::path& file) { return in_memory(wan::read_safetensors(file)); }

parameter_map load(const wan::checkpoint& from, wan::model_part part) { return in_memory(*from.of(part)); }

std::int64_t count_of(const parameter_map& parameters) {
  std::int64_t sum = 0;
  for (auto& [name, t] : parameters) sum += t.numel();
  return sum;
}

} // namespace reel::train
