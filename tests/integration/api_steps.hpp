// api_steps.hpp: What tests of whole clusters do again and again over HTTP. One thread.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <thread>

#include "src/reelctl/api_client.hpp"

namespace reel::testing {

/// For one cluster of this process.
inline std::string folder(const std::string& name) { return fmt::format("/tmp/reel-{}-{}", name, ::getpid()); }

/// The [[model]] table of the golden checkpoint, with videos of at most 17 frames.
inline std::string wan_model(int batch_max, int frames, int steps, int steps_max) {
  return fmt::format(
      "[[model]]\nid = \"wan-golden\"\nkind = \"wan\"\ncheckpoint = \"{}/models/wan-golden\"\n"
      "text_len = 32\nthreads = 1\nbatch_max = {}\nsize_multiple = 16\nside_max = 128\nsize = \"48x32\"\n"
      "frames_max = 17\nframes = {}\nsteps_max = {}\nsteps = {}\n",
      REEL_SOURCE_DIR, batch_max, frames, steps_max, steps);
}

/// Looks until it is so; five minutes at most.
template <class Condition> void eventually(const std::string& what, Condition is) {
  for (auto give_up_at = std::chrono::steady_clock::now() + std::chrono::minutes{5}; !is();
       std::this_thread::sleep_for(std::chrono::milliseconds{20}))
    if (std::chrono::steady_clock::now() > give_up_at) FAIL("not in five minutes: " << what);
}

inline std::string submit(ctl::api_client& api, const boost::json::object& body, const std::string& key = {}) {
  return std::string{api.post("/v1/videos", body, key).at("id").as_string()};
}

inline boost::json::value video(ctl::api_client& api, const std::string& id) { return api.get("/v1/videos/" + id); }

inline std::string status_of(ctl::api_client& api, const std::string& id) {
  return std::string{video(api, id).at("status").as_string()};
}

inline int step_of(ctl::api_client& api, const std::string& id) {
  return video(api, id).at("reel").at("step").to_number<int>();
}

inline bool has_ended(ctl::api_client& api, const std::string& id) {
  auto status = status_of(api, id);
  return status == "completed" || status == "failed";
}

inline boost::json::value wait_for_end(ctl::api_client& api, const std::string& id) {
  eventually("job " + id + " ends", [&] { return has_ended(api, id); });
  return video(api, id);
}

inline boost::json::value wait_until_completed(ctl::api_client& api, const std::string& id) {
  auto ended = wait_for_end(api, id);
  REQUIRE(ended.at("status").as_string() == "completed");
  return ended;
}

} // namespace reel::testing
