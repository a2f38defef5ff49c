#include "actors/worker/wan/parity/parity.hpp"

#include <filesystem>

#include "actors/worker/wan/files/safetensors.hpp"
#include "actors/worker/wan/guarded.hpp"
#include "actors/worker/wan/parity/parts.hpp"

namespace reel::wan {
namespace {

struct reference_file {
  const char* name;
  void (*compare)(const parity_subject&, comparison&);
};
constexpr reference_file reference_files[] = {{"expected", compare_checkpoint}, {"embeddings", compare_embeddings},
                                              {"t5_io", compare_text},          {"dit_io", compare_dit},
                                              {"vae_io", compare_vae},          {"sampler", compare_samplers},
                                              {"e2e_unipc", compare_run},       {"e2e_dpmpp", compare_run},
                                              {"e2e_euler", compare_run}};

/// "cuda" convolutions would otherwise round their inputs to 10 bits.
void compute_in_full_precision() {
  at::globalContext().setAllowTF32CuBLAS(false);
  at::globalContext().setAllowTF32CuDNN(false);
}

} // namespace

probe layer_recorder::see() {
  return [this](const std::string& name, const at::Tensor& value) { seen.insert_or_assign(name, value.clone()); };
}

parity_report compare_with_reference(const renderer_options& options, const std::string& reference,
                                     const std::function<void(const parity_line&)>& done) {
  return guarded([&] {
    if (options.threads > 0) at::set_num_threads(options.threads);
    compute_in_full_precision();
    auto files = open_checkpoint(options.checkpoint);
    model loaded{files, at::Device{options.device.empty() ? "cpu" : options.device}};
    parity_report report;
    bool has_any = false;
    for (auto& f : reference_files) {
      auto path = std::filesystem::path{reference} / (std::string{f.name} + ".safetensors");
      if (!std::filesystem::exists(path)) continue;
      has_any = true;
      comparison c{f.name, read_safetensors(path)};
      f.compare({files, loaded}, c);
      for (auto& line : c.lines()) {
        report.lines.push_back(line);
        done(line);
      }
      for (auto& name : c.not_compared()) report.not_compared.push_back(name);
    }
    if (!has_any)
      throw render_error{errc::not_found, reference + ": no tensors of the reference (t5_io.safetensors, "
                                                      "dit_io.safetensors, ..., expected.safetensors)"};
    return report;
  });
}

} // namespace reel::wan
