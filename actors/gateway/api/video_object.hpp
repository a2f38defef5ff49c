// api/video_object.hpp: A job as clients see it: the video object of the OpenAI API with every key always
// present, and our own facts in the nested object `reel`. Pure.
//
// What follows from what: `status` is queued until a worker really starts (a granted batch that still waits
// on its worker is queued, and so is one of which the scheduler says nothing); cancelled and dead-lettered jobs are
// `failed` with that as error.code. `seconds` is (frames - 1) / fps, the length asked for: the models make one frame
// more (4n+1).
#pragma once

#include "actors/gateway/api/json_writer.hpp"
#include "actors/gateway/line.hpp"

namespace reel {

struct video_options {
  std::uint32_t attempts_max = 4;       ///< counted executions (reliability.md 2.7)
  std::uint32_t light_attempts_max = 2; ///< further ones, once a fallback serves the job
};

void write_video(json_writer& json, const job_view& view, const video_options& o);

std::string_view status_of(const job_view& view); ///< queued, in_progress, completed, failed
int progress_of(const job_view& view);            ///< 0 to 100

/// What a client should wait before it asks again: a quarter of the expected rest, from half a second to ten.
std::chrono::milliseconds poll_after(const job_view& view);

} // namespace reel
