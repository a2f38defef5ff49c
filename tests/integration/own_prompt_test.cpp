// own_prompt_test.cpp: Each job's video shows its own prompt and never a neighbour's: the built-in model over real
// processes, its videos read by plain image analysis that knows nothing of what was asked. Alone, in mixed batches,
// after its worker was killed, and after it was paused and went on.
//
// The model is not right about every prompt, but a seed names one video: these prompts and seeds are ones that it gets
// right alone, so that anything else is the line's fault.
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>

#include "actors/worker/media/video_reader.hpp"
#include "src/harness/local_cluster.hpp"
#include "src/reelctl/api_client.hpp"
#include "src/world/judge.hpp"
#include "src/world/prompt_reader.hpp"
#include "tests/integration/api_steps.hpp"
#include "tests/integration/step_pace.hpp"

using namespace reel;
using namespace reel::testing;
namespace json = boost::json;

namespace {

struct prompt {
  const char* text;
  int seed;
};

const prompt prompts[] = {
    {"a red circle moves to the right on a dark green background", 21},
    {"a large blue square slides slowly up over a black background", 2},
    {"a purple cross stays still on a brown background", 7},
    {"a green ball falls fast on a dark purple background", 8},
    {"a yellow star circles on a dark blue background", 30},
    {"a cyan square moves to the left on a dark red background", 10},
    {"红色的圆形向右移动，黑色背景", 6},
    {"一个蓝色的十字变大，深绿色背景", 11},
};

/// That the light model gets right as well.
const prompt light_prompts[] = {prompts[0], prompts[1], prompts[2], prompts[5], prompts[6], prompts[7]};

std::string built_in(const char* model, int batch_max, int steps, double guidance) {
  return fmt::format(
      "[[model]]\nid = \"{1}\"\nkind = \"wan\"\ncheckpoint = \"{0}/models/{1}\"\n"
      "tokenizer = \"{0}/models/wan-small/spiece.model\"\n"
      "text_len = 48\nthreads = 1\nbatch_max = {2}\nsize_multiple = 16\nside_max = 64\nsize = \"64x64\"\n"
      "frames_max = 17\nframes = 17\nfps = 8\nsteps_max = 50\nsteps = {3}\nguidance_high = {4:.1f}\n"
      "guidance_low = {4:.1f}\nflow_shift = 3.0\nnegative_prompt = \"\"\n",
      REEL_SOURCE_DIR, model, batch_max, steps, guidance);
}

std::string small_model(int batch_max) { return built_in("wan-small", batch_max, 16, 4); }

json::object request_for(const prompt& p, const char* job_class = "standard") {
  return {{"prompt", p.text}, {"seed", p.seed}, {"class", job_class}};
}

/// What is wrong with the video of a completed job; empty: nothing.
std::string wrong_in(ctl::api_client& api, const std::string& id, const prompt& p, const std::string& dir) {
  auto file = dir + "/" + id + ".mp4";
  api.download("/v1/videos/" + id + "/content?variant=video", file);
  auto clip = media::read_clip(file);
  auto asked = world::read_prompt(p.text);
  REQUIRE_FALSE(asked.objects.empty());
  auto verdict = world::judge(asked, world::read_attributes(clip.frames, clip.width, clip.height));
  auto wrong = verdict.wrong();
  return wrong.empty() ? wrong : fmt::format("{}: {} (seed {})", wrong, p.text, p.seed);
}

void stop(harness::local_cluster& cluster) {
  CHECK(cluster.stop("workers-1") == 0);
  CHECK(cluster.stop("control") == 0);
}

} // namespace

TEST_CASE("in batches of different prompts, and after a worker was killed, each video shows its own prompt") {
  auto dir = folder("own-prompt");
  {
    step_pace pace{dir}; // so that both workers are busy when one is killed
    harness::local_cluster cluster{
        {.dir = dir, .bin = REEL_BIN_DIR, .models = small_model(4), .more = {}, .fault_plan = pace.plan()}};
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    std::vector<std::string> ids;
    for (auto& p : prompts) ids.push_back(submit(api, request_for(p)));
    eventually("work is under way", [&] { return step_of(api, ids.front()) > 2; });
    auto victim = cluster.worker_pids();
    REQUIRE_FALSE(victim.empty());
    REQUIRE(::kill(victim.front(), SIGKILL) == 0);
    pace.quick();
    int batched = 0, again = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      auto about = wait_until_completed(api, ids[i]).at("reel");
      batched += about.at("batch_size").to_number<int>() > 1;
      again += about.at("attempt").to_number<int>() > 1;
      CHECK(wrong_in(api, ids[i], prompts[i], dir) == "");
    }
    CHECK(batched > 0);
    CHECK(again > 0);
    stop(cluster);
  }
  std::filesystem::remove_all(dir);
}

TEST_CASE("a job that was paused for an urgent one goes on to the video of its own prompt") {
  auto dir = folder("own-prompt-paused");
  {
    step_pace pace{dir};
    harness::local_cluster cluster{{.dir = dir,
                                    .bin = REEL_BIN_DIR,
                                    .models = small_model(1),
                                    .more = {},
                                    .slots = 1,
                                    .fault_plan = pace.plan(),
                                    .tenant_options = {"--allow", "urgent"}}};
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    auto paused = submit(api, request_for(prompts[0]));
    eventually("it is under way", [&] { return step_of(api, paused) > 2; });
    auto urgent = submit(api, request_for(prompts[5], "urgent"));
    wait_until_completed(api, urgent);
    CHECK_FALSE(has_ended(api, paused));
    eventually("it goes on from where it was", [&] {
      return json::parse(cluster.reelctl({"--json", "why", paused})).at("from_step").to_number<int>() > 0;
    });
    pace.quick();
    wait_until_completed(api, paused);
    CHECK(wrong_in(api, urgent, prompts[5], dir) == "");
    CHECK(wrong_in(api, paused, prompts[0], dir) == "");
    stop(cluster);
  }
  std::filesystem::remove_all(dir);
}

TEST_CASE("where the light model stands in, each video shows its own prompt too, and says who made it") {
  auto dir = folder("own-prompt-light");
  {
    harness::local_cluster cluster{
        {.dir = dir,
         .bin = REEL_BIN_DIR,
         .models = small_model(4) + "fallback = \"wan-tiny\"\n" + built_in("wan-tiny", 4, 4, 1),
         .more = "[scheduler]\ndegrade_after = \"0s\"\n",
         .tenant_options = {"--allow", "urgent"}}};
    ctl::api_client api{{cluster.url(), cluster.api_key()}};
    cluster.reelctl({"breaker", "wan-small", "open"});
    std::vector<std::string> ids;
    for (auto& p : light_prompts) ids.push_back(submit(api, request_for(p)));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      auto about = wait_until_completed(api, ids[i]).at("reel");
      CHECK(about.at("degraded").as_bool());
      CHECK(about.at("served_model").as_string() == "wan-tiny");
      CHECK(wrong_in(api, ids[i], light_prompts[i], dir) == "");
    }
    cluster.reelctl({"breaker", "wan-small", "reset"});
    auto heavy = submit(api, request_for(prompts[0]));
    CHECK(wait_until_completed(api, heavy).at("reel").at("served_model").as_string() == "wan-small");
    CHECK(wrong_in(api, heavy, prompts[0], dir) == "");
    stop(cluster);
  }
  std::filesystem::remove_all(dir);
}
