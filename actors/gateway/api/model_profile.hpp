// api/model_profile.hpp: What may be asked of a model, and what it does when nothing is asked: the gateway's
// part of a [[model]] entry of the configuration. The defaults are those of Wan2.2-T2V-A14B (its generate.py
// and configs).
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "messages/job.hpp"

namespace reel {

struct frame_size {
  std::int32_t width = 0, height = 0; ///< pixels
  bool operator==(const frame_size&) const = default;
};
std::string to_string(frame_size s); ///< "832x480"
std::optional<frame_size> parse_frame_size(std::string_view text);

struct model_profile {
  model_id id;
  std::vector<frame_size> sizes;   ///< the only ones allowed; empty: any that fits the next two
  std::int32_t size_multiple = 16; ///< of width and height
  std::int32_t side_max = 1280;    ///< pixels
  frame_size size_default{832, 480};
  frame_size size_preview{832, 480}; ///< of `quality: preview`
  std::int32_t frames_max = 81;      ///< 4n+1
  std::int32_t frames_default = 81;  ///< 4n+1
  std::int32_t fps_default = 16;
  std::int32_t steps_max = 100;
  std::int32_t steps_default = 40;
  std::int32_t steps_preview = 8;
  float guidance_high = 4.0f, guidance_low = 3.0f;
  float flow_shift = 12.0f;
  sampler_kind sampler = sampler_kind::unipc;
  std::string negative_prompt;
  bool operator==(const model_profile&) const = default;
};

inline constexpr std::int32_t fps_max = 60;

/// What is wrong with a profile, naming the key; empty: nothing. For whoever reads the configuration.
std::string problem_of(const model_profile& p);

/// The model's default size as a preview: as it is up to 480p (832x480 pixels), else the largest allowed of about its
/// shape and at most that area; the default itself where there is none.
frame_size preview_size(const model_profile& p);

/// What a preview of this size becomes: the model's default, upright where the preview is.
frame_size full_size(const model_profile& p, frame_size preview);

bool fits(const model_profile& p, frame_size s);
std::string allowed_sizes(const model_profile& p); ///< for messages

/// The multiple of four plus one that is nearest, at least 1.
std::int32_t nearest_frames(double frames);

/// Turns a prompt into token ids. Shared by threads. Null models have none.
class prompt_tokenizer {
public:
  virtual ~prompt_tokenizer() = default;
  virtual std::vector<std::int32_t> encode(std::string_view prompt) const = 0;
};

/// A model as the gateway serves it.
struct gateway_model {
  model_profile profile;
  std::shared_ptr<const prompt_tokenizer> tokenizer; ///< null: tokens stay empty
};

} // namespace reel
