#include "actors/worker/wan/bench/model_bench.hpp"

#include <cmath>
#include <optional>
#include <thread>

#include "actors/worker/wan/bench/measure.hpp"
#include "actors/worker/wan/bench/random_part.hpp"
#include "actors/worker/wan/cost_model.hpp"
#include "actors/worker/wan/generation.hpp"
#include "actors/worker/wan/tensor_memory.hpp"
#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {
namespace {

using figures = std::vector<bench_figure>;

/// The transformer whose time in the reference is on record (specification section 11).
dit_config peer_dit() {
  return {.patch = {1, 2, 2},
          .text_len = 512,
          .text_dim = 4096,
          .in_dim = 16,
          .out_dim = 16,
          .dim = 512,
          .ffn_dim = 1024,
          .freq_dim = 256,
          .heads = 8,
          .layers = 4,
          .eps = 1e-6};
}
constexpr double peer_one_core_ms = 540, peer_two_cores_ms = 368;

std::string with_threads(const std::string& what, int threads) {
  return what + (threads == 1 ? ", 1 thread" : ", " + std::to_string(threads) + " threads");
}

/// Its forward of 1024 tokens and a matrix product of as many operations, in turn.
class forward_bench {
public:
  forward_bench() {
    model_config c;
    c.dit = peer_dit();
    expert_.emplace(c.dit, weights{random_part(model_part::high_noise, c), at::TensorOptions{}.dtype(at::kFloat)});
    latent_ = at::randn({1, c.dit.in_dim, 4, 32, 32});
    context_ = at::randn({c.dit.text_len, c.dit.text_dim});
    rope_ = rope_table(expert_->grid_of(latent_), c.dit.head_dim(), at::kCPU);
    flop_ = forward_flop(c.dit, 1024) + text_flop(c.dit);
    side_ = static_cast<std::int64_t>(std::cbrt(flop_ / 2));
    left_ = at::randn({side_, side_});
    right_ = at::randn({side_, side_});
    product_ = at::empty({side_, side_});
  }

  void measure(int threads, int rounds, double peer_ms, figures& out) {
    at::set_num_threads(threads);
    std::vector<double> product_s, forward_s, step_s, share;
    for (int i = -1; i < rounds; ++i) { // the first warms up
      auto product = seconds_of([this] { at::mm_out(product_, left_, right_); });
      dit_text text;
      auto prepare = seconds_of([&] { text = expert_->prepare_text(context_); });
      dit_row row{500, &text};
      auto step = seconds_of([&] { expert_->forward(latent_, {&row, 1}, rope_); });
      if (i < 0) continue;
      product_s.push_back(product);
      forward_s.push_back(prepare + step);
      step_s.push_back(step);
      share.push_back(product / (prepare + step));
    }
    auto add = [&](const std::string& what, double value) { out.push_back({with_threads(what, threads), value}); };
    auto product_flop = 2.0 * static_cast<double>(side_ * side_ * side_);
    add("matrix product of as many operations, ms", median(product_s) * 1e3);
    add("matrix product, GFLOP/s", product_flop / median(product_s) * 1e-9);
    add("DiT forward (43.08 GFLOP), ms", median(forward_s) * 1e3);
    add("DiT forward, fastest round, ms", *std::ranges::min_element(forward_s) * 1e3);
    add("DiT forward, GFLOP/s", flop_ / median(forward_s) * 1e-9);
    add("DiT forward with the text at hand, ms", median(step_s) * 1e3);
    add("share of the matrix product's rate, %", median(share) * 100 * flop_ / product_flop);
    add("time of the reference elsewhere, ms", peer_ms);
  }

private:
  std::optional<dit> expert_;
  at::Tensor latent_, context_, rope_, left_, right_, product_;
  double flop_ = 0;
  std::int64_t side_ = 0;
};

sample_request tiny_request(const model& m, int seed) {
  at::manual_seed(static_cast<std::uint64_t>(seed));
  token_ids prompt;
  for (int i = 0; i < 8 + seed % 5; ++i) prompt.push_back(10 + i);
  return {prompt, {5, 9, 1}, 4, 3, at::randn({m.config.vae.latent_channels, 3, 8, 6})};
}

/// Samples per second of whole denoising runs.
double samples_per_s(const model& m, int batch, text_cache& texts) {
  constexpr int steps = 4;
  std::vector<sample_request> requests;
  for (int i = 0; i < batch; ++i) requests.push_back(tiny_request(m, i));
  generation run{m, make_schedule({sampler_kind::unipc, steps, 12, static_cast<int>(m.config.train_timesteps)}),
                 std::move(requests), &texts};
  auto took = seconds_of([&] {
    run.prepare();
    for (int i = 0; i < steps; ++i) run.step();
  });
  return batch / took;
}

void measure_batches(const model& m, int rounds, int threads, figures& out) {
  at::set_num_threads(threads);
  text_cache texts{m};
  std::map<int, std::vector<double>> rates;
  for (int i = -1; i < 4 * rounds; ++i)
    for (int batch : {1, 2, 4, 8}) {
      auto rate = samples_per_s(m, batch, texts);
      if (i >= 0) rates[batch].push_back(rate);
    }
  for (auto& [batch, values] : rates)
    out.push_back(
        {with_threads("tiny model, batch " + std::to_string(batch) + ", samples/s", threads), median(values)});
  out.push_back({with_threads("tiny model, batch 4 by batch 1", threads), median(rates[4]) / median(rates[1])});
}

/// Forecast and measurement of the peer transformer's step, by formula alone.
void measure_memory(figures& out) {
  auto& memory = memory_of(at::kCPU);
  model_config c;
  c.dit = peer_dit();
  dit expert{c.dit, weights{random_part(model_part::high_noise, c), at::TensorOptions{}.dtype(at::kFloat)}};
  for (std::int64_t rows : {1, 4}) {
    auto before = memory.used_bytes();
    auto latents = at::randn({rows, c.dit.in_dim, 4, 32, 32});
    std::vector<dit_text> texts;
    auto rope = rope_table(expert.grid_of(latents), c.dit.head_dim(), at::kCPU);
    for (std::int64_t i = 0; i < rows; ++i) texts.push_back(expert.prepare_text(at::randn({20, c.dit.text_dim})));
    std::vector<dit_row> all;
    for (auto& t : texts) all.push_back({500, &t});
    memory.restart_peak();
    expert.forward(latents, all, rope);
    auto measured = static_cast<double>(memory.peak_bytes() - before);
    batch_shape b{.latent = {c.dit.in_dim, 4, 32, 32}, .samples = rows, .is_guided = false, .prompt_tokens = 20};
    auto foretold = denoising_work(c, b).bytes;
    auto name = "denoising, " + std::to_string(rows) + " rows of 1024 tokens: ";
    out.push_back({name + "peak foretold, MB", foretold * 1e-6});
    out.push_back({name + "peak measured, MB", measured * 1e-6});
    out.push_back({name + "foretold by measured, %", foretold / measured * 100});
  }
}

} // namespace

std::vector<bench_figure> run_model_bench(const model_bench_options& o) {
  memory_of(at::kCPU);
  compute_scope scope;
  figures out;
  auto all = static_cast<int>(std::thread::hardware_concurrency());
  forward_bench forward;
  forward.measure(1, o.rounds, peer_one_core_ms, out);
  if (all > 1) forward.measure(all, o.rounds, peer_two_cores_ms, out);
  model tiny{o.checkpoint, at::kCPU};
  measure_batches(tiny, o.rounds, 1, out);
  if (all > 1) measure_batches(tiny, o.rounds, all, out);
  measure_memory(out);
  return out;
}

} // namespace reel::wan
