#include "actors/worker/wan/files/official.hpp"

namespace reel::wan {

model_config official_config() {
  model_config c;
  c.dit = {.patch = {1, 2, 2},
           .text_len = 512,
           .text_dim = 4096,
           .in_dim = 16,
           .out_dim = 16,
           .dim = 5120,
           .ffn_dim = 13824,
           .freq_dim = 256,
           .heads = 40,
           .layers = 40,
           .eps = 1e-6};
  c.text = {.vocabulary = 256384,
            .dim = 4096,
            .attention_dim = 4096,
            .ffn_dim = 10240,
            .heads = 64,
            .layers = 24,
            .buckets = 32,
            .distance_max = 128,
            .eps = 1e-6};
  c.vae = {.dim = 96,
           .latent_channels = 16,
           .blocks_per_level = 2,
           .widths = {1, 2, 4, 4},
           .halves_time = {false, true, true},
           .mean = {-0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508, 0.4134, -0.0715, 0.5517,
                    -0.3632, -0.1922, -0.9497, 0.2503, -0.2921},
           .deviation = {2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743, 3.2687, 2.1526, 2.8652, 1.5579,
                         1.6382, 1.1253, 2.8251, 1.9160}};
  c.train_timesteps = 1000;
  c.boundary = 0.875;
  return c;
}

generation_defaults official_defaults() {
  generation_defaults d;
  d.negative_prompt = "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静"
                      "止，整体发灰，最差质量，低质量，JPEG压缩残留，丑陋的，残缺的，多"
                      "余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的"
                      "肢体，手指融合，静止不动的画面，杂乱的背景，三条腿，背景人很多，倒着"
                      "走";
  return d;
}

} // namespace reel::wan
