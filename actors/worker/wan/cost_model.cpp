#include "actors/worker/wan/cost_model.hpp"

#include <algorithm>
#include <cmath>

namespace reel::wan {
namespace {

constexpr double number_bytes = sizeof(float);
constexpr run_phase stages[] = {run_phase::encoding, run_phase::denoising, run_phase::decoding};

double d(std::int64_t n) { return static_cast<double>(n); }

std::int64_t tokens_of(const dit_config& c, const latent_shape& l) {
  return l.frames / c.patch[0] * (l.height / c.patch[1]) * (l.width / c.patch[2]);
}

/// Keys and values as the CPU's kernel has them: filled up to panels of 16.
double packed_bytes(const dit_config& c, std::int64_t keys) {
  auto up = [](std::int64_t n) { return (n + 15) / 16 * 16; };
  return number_bytes * d(c.heads * up(keys) * (c.head_dim() + up(c.head_dim())));
}

// ---------------------------------------------------------------- decoding

/// Walks the decoder for one latent frame after the first, which is the dearest.
class decoder_walk {
public:
  decoder_walk(const vae_config& c, const latent_shape& l) : pixels_{d(l.height * l.width)} {
    auto widest = c.dim * c.widths.back();
    conv(c.latent_channels, c.latent_channels, 1, 1, 0);
    conv(c.latent_channels, widest, 3, 9, 0);
    residual(widest, widest);
    attention(widest);
    residual(widest, widest);
    levels(c, widest);
    auto last = c.dim * c.widths.front();
    keep(2 * size(last, 1)); // norm, then convolution
    conv(last, 3, 3, 9, size(last, frames_));
  }

  double flop = 0;
  double peak() const { return (kept_ + highest_) * number_bytes; }

private:
  double size(std::int64_t channels, double frames) const { return d(channels) * frames * pixels_; }
  void use(double numbers) { highest_ = std::max(highest_, numbers); }
  void keep(double numbers) { kept_ += numbers; }

  /// `beside`: numbers that live while it runs, its input included.
  void conv(std::int64_t in, std::int64_t out, int taps, int area, double beside) {
    flop += 2 * d(in) * d(out) * taps * area * frames_ * pixels_;
    auto result = size(out, frames_);
    use(beside + (taps > 1 ? size(in, frames_ + taps - 1) + 2 * result : result));
  }

  void residual(std::int64_t in, std::int64_t out) {
    auto x = size(in, frames_);
    use(3 * x);
    conv(in, out, 3, 9, 2 * x);
    keep(2 * size(in, 1) + 2 * size(out, 1));
    conv(out, out, 3, 9, x + 2 * size(out, frames_));
    if (in != out) conv(in, out, 1, 1, x + size(out, frames_));
  }

  void attention(std::int64_t channels) {
    auto x = size(channels, frames_);
    flop += 8 * d(channels) * d(channels) * pixels_ * frames_ + 4 * d(channels) * pixels_ * pixels_ * frames_;
    use(7 * x);
  }

  void levels(const vae_config& c, std::int64_t channels) {
    for (auto i = c.widths.size(); i-- > 0;) {
      auto out = c.dim * c.widths[i];
      for (std::int64_t b = 0; b <= c.blocks_per_level; ++b, channels = out) residual(channels, out);
      if (i == 0) return;
      if (c.halves_time[i - 1]) {
        keep(2 * size(out, 1));
        conv(out, 2 * out, 3, 1, size(out, frames_));
        frames_ *= 2;
        use(3 * size(out, frames_));
      }
      pixels_ *= 4;
      conv(out, out / 2, 1, 9, size(out, frames_) * 5 / 4);
      channels = out / 2;
    }
  }

  double pixels_, frames_ = 1;
  double highest_ = 0, kept_ = 0;
};

} // namespace

double forward_flop(const dit_config& c, std::int64_t tokens) {
  auto s = d(tokens), dim = d(c.dim), volume = d(c.patch[0] * c.patch[1] * c.patch[2]);
  auto block = 8 * s * dim * dim + 4 * s * s * dim + 4 * s * dim * dim + 4 * s * d(c.text_len) * dim +
               4 * s * dim * d(c.ffn_dim);
  auto ends = 2 * s * dim * volume * d(c.in_dim + c.out_dim);
  return d(c.layers) * block + ends + 2 * (d(c.freq_dim) * dim + 7 * dim * dim);
}

double text_flop(const dit_config& c) {
  auto dim = d(c.dim), len = d(c.text_len);
  return 2 * len * (d(c.text_dim) * dim + dim * dim) + d(c.layers) * 4 * len * dim * dim;
}

stage_work encoding_work(const model_config& c, const batch_shape& b) {
  auto& t = c.text;
  auto n = d(b.prompt_tokens), dim = d(t.dim), inner = d(t.attention_dim), ffn = d(t.ffn_dim);
  auto layer = 8 * n * dim * inner + 4 * n * n * inner + 6 * n * dim * ffn;
  auto scores = d(t.heads) * n * n;
  auto attention = 2 * n * dim + 3 * n * inner + 3 * scores + n * n * 2;
  auto feed = 2 * n * dim + 3 * n * ffn + n * n * 2;
  auto texts = d(b.samples + (b.is_guided ? 1 : 0));
  return {texts * d(t.layers) * layer, number_bytes * (std::max(attention, feed) + texts * n * dim)};
}

stage_work denoising_work(const model_config& c, const batch_shape& b) {
  auto& x = c.dit;
  auto tokens = tokens_of(x, b.latent);
  auto rows = b.samples * (b.is_guided ? 2 : 1);
  auto together = d(b.rows_max > 0 ? std::min(b.rows_max, rows) : rows);
  auto texts = d(b.samples + (b.is_guided ? 1 : 0));
  auto wide = d(tokens * x.dim) * number_bytes; // one row's numbers
  auto latent = d(b.latent.count()) * number_bytes;
  auto self = 4 * wide + packed_bytes(x, tokens);
  auto ffn = 2 * wide + d(tokens * x.ffn_dim) * number_bytes;
  auto kept = texts * (d(x.layers) * packed_bytes(x, x.text_len) + d(b.prompt_tokens * x.text_dim) * number_bytes) +
              d(b.samples) * 5 * latent + together * latent + d(tokens * x.head_dim()) * number_bytes;
  return {d(b.steps * rows) * forward_flop(x, tokens) + 2 * texts * text_flop(x),
          kept + together * std::max({self, 5 * wide, ffn})};
}

stage_work decoding_work(const model_config& c, const batch_shape& b) {
  decoder_walk walk{c.vae, b.latent};
  return {d(b.samples * b.latent.frames) * walk.flop,
          walk.peak() + d(b.samples) * 2 * d(b.latent.count()) * number_bytes};
}

cost_model::cost_model(const model_config& c, double flop_per_s) : config_{c} {
  for (auto& one : corrections_) one.flop_per_s = flop_per_s;
}

std::size_t cost_model::index_of(run_phase stage) {
  return static_cast<std::size_t>(std::ranges::find(stages, stage) - std::begin(stages));
}

stage_work cost_model::work(run_phase stage, const batch_shape& b) const {
  if (stage == run_phase::encoding) return encoding_work(config_, b);
  return stage == run_phase::denoising ? denoising_work(config_, b) : decoding_work(config_, b);
}

std::vector<stage_cost> cost_model::predict(const batch_shape& b, std::uint64_t baseline_bytes) const {
  std::vector<stage_cost> out;
  for (auto stage : stages) {
    auto w = work(stage, b);
    auto& by = corrections_[index_of(stage)];
    out.push_back({.stage = stage,
                   .predicted_bytes = baseline_bytes + static_cast<std::uint64_t>(w.bytes * by.bytes),
                   .predicted_s = w.flop / by.flop_per_s});
  }
  return out;
}

/// Half the old, half the new: a busy machine changes its mind slowly, a wrong first guess is gone after a few batches.
void cost_model::learn(const batch_shape& b, std::uint64_t baseline_bytes, const stage_cost& m) {
  auto w = work(m.stage, b);
  auto& by = corrections_.at(index_of(m.stage));
  auto share = by.is_measured ? 0.5 : 1.0;
  if (m.measured_bytes > baseline_bytes)
    by.bytes += share * (static_cast<double>(m.measured_bytes - baseline_bytes) / w.bytes - by.bytes);
  if (m.measured_s > 0) by.flop_per_s = w.flop / (w.flop / by.flop_per_s * (1 - share) + m.measured_s * share);
  by.is_measured = true;
}

} // namespace reel::wan
