#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <sodium.h>

#include "messages/ids.hpp"
#include "src/reelctl/commands.hpp"
#include "src/reelctl/job_words.hpp"
#include "src/reelctl/progress.hpp"
#include "src/reelctl/table.hpp"
#include "src/reelctl/terminal.hpp"

namespace reel::ctl {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

std::string id_of(const json::value& video) { return std::string{video.at("id").as_string()}; }

json::object body_of(const submit_options& o) {
  json::object body{{"prompt", o.prompt}};
  auto add = [&body](std::string_view key, const std::string& value) {
    if (!value.empty()) body[key] = value;
  };
  add("model", o.model);
  add("size", o.size);
  add("seconds", o.seconds);
  add("negative_prompt", o.negative_prompt);
  add("class", o.job_class);
  add("sampler", o.sampler);
  add("quality", o.quality);
  if (o.frames) body["num_frames"] = *o.frames;
  if (o.steps) body["num_inference_steps"] = *o.steps;
  if (o.fps) body["fps"] = *o.fps;
  if (o.seed) body["seed"] = *o.seed;
  if (o.guidance) body["guidance_scale"] = *o.guidance;
  return body;
}

struct watched_job {
  std::string id;
  std::string label;
  std::string out; ///< where its video goes, without the ending; empty: nowhere
  json::value video;
};

/// Fetches the files of a succeeded job that has any.
void fetch(api_client& api, const watched_job& j) {
  if (j.out.empty() || j.video.at("status").as_string() != "completed") return;
  api.download("/v1/videos/" + j.id + "/content", j.out + ".mp4");
  api.download("/v1/videos/" + j.id + "/content?variant=thumbnail", j.out + ".png");
}

/// Polls until all have ended, showing their progress. False when one has not succeeded.
bool wait_for(api_client& api, std::vector<watched_job>& all, bool quiet) {
  progress_view view{quiet};
  terminal::interruptible until;
  std::vector<job_line> lines(all.size());
  for (;;) {
    bool all_ended = true;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (lines[i].ended()) continue;
      all[i].video = api.get("/v1/videos/" + all[i].id);
      lines[i] = read_line(all[i].video.as_object(), all[i].label);
      if (lines[i].ended()) fetch(api, all[i]);
      all_ended = all_ended && lines[i].ended();
    }
    view.show(lines);
    if (all_ended) break;
    if (!until.sleep_ms(200)) break; // the jobs go on
  }
  return std::ranges::all_of(lines, [](const job_line& l) { return l.state == "succeeded"; });
}

void print_job(const json::value& video) {
  const auto& reel = video.at("reel").as_object();
  auto show = [](const json::value& v) { return v.is_string() ? std::string{v.as_string()} : json::serialize(v); };
  std::vector<std::vector<std::string>> rows{{"id", show(video.at("id"))},
                                             {"status", show(video.at("status"))},
                                             {"prompt", printable(show(video.at("prompt")), 100)},
                                             {"model", show(video.at("model"))},
                                             {"size", show(video.at("size"))},
                                             {"seconds", show(video.at("seconds"))},
                                             {"created_at", show(video.at("created_at"))},
                                             {"completed_at", show(video.at("completed_at"))},
                                             {"error", show(video.at("error"))}};
  for (const auto& [key, value] : reel) rows.push_back({std::string{key}, show(value)});
  fmt::print("{}", format_table(rows, terminal::table_columns()));
}

std::string out_path(const std::string& out, const std::string& name) {
  if (out.empty()) return {};
  fs::create_directories(out);
  return (fs::path{out} / name).string();
}

void print_summary(const std::vector<watched_job>& all, std::chrono::steady_clock::duration took) {
  std::size_t succeeded = 0;
  std::int64_t retries = 0;
  for (const auto& j : all) {
    succeeded += j.video.at("status").as_string() == "completed" ? 1 : 0;
    retries += std::max<std::int64_t>(j.video.at("reel").at("attempt").to_number<std::int64_t>() - 1, 0);
  }
  fmt::print("{} jobs: {} succeeded, {} not; {} retries; {:.1f} s\n", all.size(), succeeded, all.size() - succeeded,
             retries, std::chrono::duration<double>(took).count());
}

/// The same line of the same file is the same job, however often the command is repeated within a day.
std::string key_of_line(const std::string& file, std::size_t number, const std::string& line) {
  auto text = fs::absolute(file).string() + '\n' + std::to_string(number) + '\n' + line;
  std::uint8_t hash[16];
  crypto_generichash(hash, sizeof hash, reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), nullptr, 0);
  return "reelctl-" + to_hex(hash, sizeof hash);
}

} // namespace

int submit(const common_options& c, const submit_options& o) {
  api_client api{c.api};
  std::uint8_t random[16];
  os_random(random, sizeof random);
  auto key = o.idempotency_key.empty() ? "reelctl-" + to_hex(random, sizeof random) : o.idempotency_key;
  auto video = api.post("/v1/videos", body_of(o), key);
  if (!o.wait && o.out.empty()) {
    if (c.json)
      fmt::print("{}\n", json::serialize(video));
    else
      fmt::print("{}\n", id_of(video));
    return 0;
  }
  std::vector<watched_job> all{{id_of(video), {}, {}, video}};
  auto name = o.out.ends_with(".mp4") ? o.out.substr(0, o.out.size() - 4) : out_path(o.out, all[0].id);
  all[0].out = name;
  bool good = wait_for(api, all, c.json);
  if (c.json) fmt::print("{}\n", json::serialize(all[0].video));
  return good ? 0 : exit_failed;
}

int batch(const common_options& c, const batch_options& o) {
  std::ifstream in{o.file};
  if (!in) throw std::runtime_error{o.file + ": cannot be read"};
  api_client api{c.api};
  auto began = std::chrono::steady_clock::now();
  std::vector<watched_job> all;
  std::string line;
  int refused = 0;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      auto body = json::parse(line);
      auto video = api.post("/v1/videos", body, key_of_line(o.file, number, line));
      all.push_back(
          {id_of(video), {}, out_path(o.out, fmt::format("{:02}-{}", number, id_of(video).substr(30))), video});
    } catch (const json::system_error& e) {
      std::cerr << o.file << ':' << number << ": no JSON: " << e.what() << '\n';
      ++refused;
    } catch (const api_error& e) {
      if (e.status() == 0) throw;
      std::cerr << o.file << ':' << number << ": " << e.what() << '\n';
      ++refused;
    }
  }
  if (!o.wait && o.out.empty()) {
    for (const auto& j : all) fmt::print("{}\n", c.json ? json::serialize(j.video) : j.id);
    return refused == 0 ? 0 : exit_failed;
  }
  bool good = wait_for(api, all, c.json);
  for (const auto& j : all)
    if (c.json) fmt::print("{}\n", json::serialize(j.video));
  if (!c.json) print_summary(all, std::chrono::steady_clock::now() - began);
  return good && refused == 0 ? 0 : exit_failed;
}

int list_jobs_of_tenant(const common_options& c, const jobs_options& o) {
  api_client api{c.api};
  auto path = fmt::format("/v1/videos?order=desc&limit={}{}", o.limit, o.after.empty() ? "" : "&after=" + o.after);
  auto page = api.get(path);
  if (c.json) {
    fmt::print("{}\n", json::serialize(page));
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"ID", "STATE", "CLASS", "STEP", "ATTEMPT", "SIZE", "PROMPT"}};
  for (const auto& video : page.at("data").as_array()) {
    const auto& reel = video.at("reel").as_object();
    auto l = read_line(video.as_object(), {});
    rows.push_back({l.id, l.state, std::string{reel.at("class").as_string()},
                    fmt::format("{}/{}", l.step, l.steps_total), std::to_string(l.attempt),
                    std::string{video.at("size").as_string()}, printable(l.label, 50)});
  }
  fmt::print("{}", format_table(rows, terminal::table_columns()));
  if (page.at("has_more").as_bool())
    fmt::print("... more: reelctl jobs --after {}\n", std::string{page.at("last_id").as_string()});
  return 0;
}

int show_job_of_tenant(const common_options& c, const std::string& id) {
  api_client api{c.api};
  auto video = api.get("/v1/videos/" + id);
  if (c.json)
    fmt::print("{}\n", json::serialize(video));
  else
    print_job(video);
  return 0;
}

int wait(const common_options& c, const std::vector<std::string>& ids, const std::string& out) {
  api_client api{c.api};
  std::vector<watched_job> all;
  for (const auto& id : ids) all.push_back({id, {}, out_path(out, id), {}});
  bool good = wait_for(api, all, c.json);
  for (const auto& j : all)
    if (c.json) fmt::print("{}\n", json::serialize(j.video));
  return good ? 0 : exit_failed;
}

int cancel(const common_options& c, const std::vector<std::string>& ids) {
  api_client api{c.api};
  int code = 0;
  for (const auto& id : ids) {
    try {
      auto video = api.post("/v1/videos/" + id + "/cancel", nullptr);
      if (c.json)
        fmt::print("{}\n", json::serialize(video));
      else
        fmt::print("{}  {}\n", id, std::string{video.at("reel").at("state").as_string()});
    } catch (const api_error& e) {
      if (e.status() == 0) throw;
      std::cerr << id << ": " << e.what() << '\n';
      code = exit_failed;
    }
  }
  return code;
}

namespace {

/// "7 of 100", or without a limit "7".
std::string use_of(const json::value& used, const json::value& most) {
  const auto shown = [](const json::value& v) { return fmt::format("{:g}", v.to_number<double>()); };
  return most.is_null() ? shown(used) : shown(used) + " of " + shown(most);
}

std::vector<std::string> quota_row(std::string name, const json::object& l) {
  const auto& running = l.at("running_jobs_max");
  return {std::move(name),
          use_of(l.at("jobs"), l.at("jobs_per_day")),
          use_of(l.at("gpu_seconds"), l.at("gpu_seconds_per_day")),
          use_of(l.at("gpu_seconds_reserved"), nullptr),
          use_of(l.at("queued_jobs"), l.at("queued_jobs_max")),
          running.is_null() ? "-" : use_of(running, nullptr)};
}

} // namespace

int quota(const common_options& c, const std::string& tenant) {
  if (!tenant.empty() && !is_valid_name(tenant))
    throw std::runtime_error{"'" + printable(tenant, 60) + "' is no tenant name: a-z 0-9 . _ -, at most 64"};
  api_client api{c.api};
  const auto view = api.get("/v1/quota" + (tenant.empty() ? "" : "?tenant=" + tenant));
  if (c.json) {
    fmt::print("{}\n", json::serialize(view));
    return 0;
  }
  fmt::print("{}, days of {}; the next one begins in {} s\n", std::string{view.at("tenant").as_string()},
             std::string{view.at("time_zone").as_string()}, view.at("resets_in_seconds").to_number<std::int64_t>());
  std::vector<std::vector<std::string>> rows{
      {"CLASS", "JOBS TODAY", "GPU SECONDS", "RESERVED", "QUEUED", "RUN AT ONCE"}};
  rows.push_back(quota_row("all", view.at("all").as_object()));
  for (const auto& line : view.at("classes").as_object())
    rows.push_back(quota_row(std::string{line.key()}, line.value().as_object()));
  fmt::print("{}", format_table(rows, terminal::table_columns()));
  return 0;
}

} // namespace reel::ctl
