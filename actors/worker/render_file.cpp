#include "actors/worker/render_file.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <deque>
#include <fstream>
#include <map>
#include <set>

namespace reel {
namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

using batch = std::vector<const prompt_job*>;
using std::chrono::steady_clock;

/// Under another name first: a file that is there is whole.
void write_file(const fs::path& to, const blob& bytes) {
  auto part = to;
  part += ".part";
  {
    std::ofstream out{part, std::ios::binary};
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!out.flush()) throw std::runtime_error{part.string() + ": cannot be written"};
  }
  fs::rename(part, to);
}

/// Whole numbers look like such.
json::value number(float n) {
  auto whole = static_cast<std::int64_t>(n);
  return static_cast<float>(whole) == n ? json::value(whole) : json::value(n);
}

json::object line_about(const prompt_job& j, const std::string& file, std::chrono::milliseconds took,
                        std::uint64_t peak_bytes) {
  auto& p = j.job.params;
  return {{"file", file},
          {"prompt", j.prompt},
          {"negative_prompt", j.negative_prompt},
          {"size", std::to_string(p.width) + 'x' + std::to_string(p.height)},
          {"num_frames", p.frames},
          {"fps", p.fps},
          {"num_inference_steps", p.steps},
          {"sampler", to_string(p.sampler)},
          {"guidance_scale_high", number(p.guidance_high)},
          {"guidance_scale_low", number(p.guidance_low)},
          {"flow_shift", number(p.flow_shift)},
          {"seed", p.seed},
          {"render_ms", took.count()},
          {"peak_bytes", peak_bytes}};
}

std::vector<run_job> run_jobs_of(const batch& b) {
  std::vector<run_job> out;
  for (auto* j : b) out.push_back(j->job);
  return out;
}

/// In the file's order, as far as shapes allow.
std::deque<batch> batches_of(const std::vector<prompt_job>& jobs, const render_file_options& options) {
  std::deque<batch> out;
  std::map<batch_key, std::size_t> open; ///< the batch of a shape that has room
  for (auto& j : jobs) {
    if (options.skips_existing && fs::exists(options.out / (j.stem + ".mp4"))) continue;
    auto key = key_of(j.job.params);
    auto found = open.find(key);
    if (found == open.end() || out[found->second].size() == options.batch_max) {
      open[key] = out.size();
      out.push_back({&j});
    } else {
      out[found->second].push_back(&j);
    }
  }
  return out;
}

class prompt_run {
public:
  prompt_run(renderer& model, const render_file_options& options,
             const std::function<void(const render_progress&)>& tell)
      : model_{model}, options_{options}, tell_{tell} {}

  std::size_t run(std::deque<batch> todo) {
    for (auto& b : todo) now_.videos_total += b.size();
    for (auto& b : todo) offer(b);
    while (!todo.empty()) {
      auto b = std::move(todo.front());
      todo.pop_front();
      try {
        render(b);
      } catch (const render_error& e) {
        if (e.code() != errc::out_of_memory || b.size() == 1) throw;
        std::erase_if(b, [this](auto* j) { return made_.contains(j); });
        auto middle = b.begin() + static_cast<std::ptrdiff_t>(b.size() / 2);
        for (auto part : {batch{middle, b.end()}, batch{b.begin(), middle}})
          if (!part.empty()) todo.push_front(std::move(part));
        now_.note = std::to_string(now_.batch) + " videos in one pass need more memory than there is: taking fewer (" +
                    e.what() + ')';
        tell_(now_);
        now_.note.clear();
      }
    }
    return now_.videos_done;
  }

private:
  void offer(const batch& b) {
    try {
      model_.begin(run_jobs_of(b));
    } catch (const render_error& e) {
      throw render_error{e.code(), "line " + std::to_string(b.front()->line) + ": " + e.what()};
    }
  }

  void say(run_phase phase) {
    now_.phase = phase;
    tell_(now_);
  }

  void render(const batch& b) {
    auto began_at = steady_clock::now();
    now_.batch = b.size();
    now_.first = b.front();
    auto work = model_.begin(run_jobs_of(b));
    now_.step = 0;
    now_.steps_total = work->steps_total();
    say(run_phase::encoding);
    work->prepare();
    say(run_phase::denoising);
    while (work->steps_done() < work->steps_total()) {
      work->step();
      now_.step = work->steps_done();
      say(run_phase::denoising);
    }
    for (std::size_t i = 0; i < b.size(); ++i) {
      say(run_phase::decoding);
      auto files = work->finish(i, [this] { say(run_phase::decoding); });
      for (auto& stage : work->costs()) now_.peak_bytes = std::max(now_.peak_bytes, stage.measured_bytes);
      keep(*b[i], files, std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - began_at));
    }
  }

  void keep(const prompt_job& j, const rendered& files, std::chrono::milliseconds took) {
    auto video = options_.out / (j.stem + ".mp4");
    write_file(options_.out / (j.stem + ".png"), files.thumbnail);
    write_file(video, files.video);
    auto list = options_.out / "videos.jsonl";
    std::ofstream to{list, std::ios::app};
    auto about = json::serialize(line_about(j, video.filename().string(), took, now_.peak_bytes));
    to << about << '\n';
    if (!to.flush()) throw std::runtime_error{list.string() + ": cannot be written"};
    made_.insert(&j);
    ++now_.videos_done;
    now_.wrote = &video;
    now_.about = &about;
    tell_(now_);
    now_.wrote = nullptr;
    now_.about = nullptr;
  }

  renderer& model_;
  const render_file_options& options_;
  const std::function<void(const render_progress&)>& tell_;
  render_progress now_;
  std::set<const prompt_job*> made_;
};

} // namespace

std::size_t render_prompts(renderer& model, const std::vector<prompt_job>& jobs, const render_file_options& options,
                           const std::function<void(const render_progress&)>& tell) {
  fs::create_directories(options.out);
  return prompt_run{model, options, tell}.run(batches_of(jobs, options));
}

} // namespace reel
