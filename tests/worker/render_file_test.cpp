// render_file_test.cpp: Prompts are rendered in batches of one shape, every video is written whole and told of, and a
// batch that the memory does not hold is taken apart. The renderer here is a script.
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <set>
#include <sstream>

#include "actors/worker/render_file.hpp"
#include "tests/worker/temp_folder.hpp"

using namespace reel;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

blob bytes(const std::string& text) { return blob{std::vector<std::uint8_t>{text.begin(), text.end()}}; }

/// Videos are the seeds as text.
struct scripted_renderer final : renderer {
  struct work final : render_batch {
    work(scripted_renderer& r, std::vector<run_job> j) : owner{r}, jobs{std::move(j)} {}
    void prepare() override { ++owner.prepared; }
    int steps_total() const override { return 3; }
    int steps_done() const override { return steps; }
    void step() override {
      if (jobs.size() > owner.holds) throw render_error{errc::out_of_memory, "too much"};
      ++steps;
    }
    void drop(std::size_t) override {}
    rendered finish(std::size_t sample, const std::function<void()>& tick) override {
      if (owner.decodes-- == 0) throw render_error{errc::out_of_memory, "too much to decode"};
      tick();
      return {bytes(std::to_string(jobs[sample].params.seed)), bytes("png")};
    }
    scripted_renderer& owner;
    std::vector<run_job> jobs;
    int steps = 0;
  };

  std::unique_ptr<render_batch> begin(std::vector<run_job> jobs) override {
    for (auto& j : jobs)
      if (j.params.width % 16) throw render_error{errc::unsupported, "width"};
    sizes.push_back(jobs.size());
    return std::make_unique<work>(*this, std::move(jobs));
  }
  std::string device() const override { return "script"; }
  std::uint64_t memory_bytes() const override { return 0; }
  std::uint64_t take_peak_bytes() override { return 0; }

  std::vector<std::size_t> sizes; ///< of what was begun
  std::size_t holds = 100;        ///< samples in a step
  int decodes = -1;               ///< until one fails; negative: never
  int prepared = 0;
};

std::vector<prompt_job> some_jobs(const std::string& text) {
  std::istringstream in{text};
  return make_prompt_jobs(read_prompt_lines(in, "p"), {}, "p");
}

const std::string five =
    "{\"prompt\": \"a\", \"seed\": 1}\n{\"prompt\": \"b\", \"seed\": 2, \"size\": \"64x64\"}\n"
    "{\"prompt\": \"c\", \"seed\": 3}\n{\"prompt\": \"d\", \"seed\": 4}\n{\"prompt\": \"e\", \"seed\": 5}\n";

std::string text_of(const fs::path& file) {
  std::stringstream out;
  out << std::ifstream{file}.rdbuf();
  return out.str();
}

struct run {
  reel::testing::temp_folder folder;
  fs::path out = folder.path() / "new/videos";
  scripted_renderer model;
  std::vector<render_progress> told;

  std::size_t render(const std::string& prompts, std::size_t batch_max, bool skips_existing = false) {
    return render_prompts(model, some_jobs(prompts),
                          {.out = out, .batch_max = batch_max, .skips_existing = skips_existing},
                          [this](const render_progress& p) { told.push_back(p); });
  }
};

} // namespace

TEST_CASE("jobs of one shape run together, others by themselves, and each becomes its files") {
  run r;
  CHECK(r.render(five, 3) == 5);
  // Each batch is offered once before any is made.
  CHECK(r.model.sizes == std::vector<std::size_t>{3, 1, 1, 3, 1, 1});
  CHECK(text_of(r.out / "001-a.mp4") == "1");
  CHECK(text_of(r.out / "002-b.mp4") == "2");
  CHECK(text_of(r.out / "005-e.mp4") == "5");
  CHECK(text_of(r.out / "005-e.png") == "png");
  for (auto& f : fs::directory_iterator{r.out}) CHECK(f.path().extension() != ".part");
}

TEST_CASE("videos.jsonl says how each video was made, so that it can be made again") {
  run r;
  r.render(five, 4);
  std::istringstream lines{text_of(r.out / "videos.jsonl")};
  std::string line;
  REQUIRE(std::getline(lines, line));
  auto first = boost::json::parse(line).as_object();
  CHECK(first.at("file") == "001-a.mp4");
  CHECK(first.at("seed") == 1);
  CHECK(first.at("size") == "832x480");
  CHECK(first.at("guidance_scale_high") == 4);
  run again;
  CHECK(again.render(text_of(r.out / "videos.jsonl"), 4) == 5);
  CHECK(text_of(again.out / "005-b.mp4") == "2"); // the fifth to be done, since it is of another shape
}

TEST_CASE("progress tells phases, steps and finished videos") {
  run r;
  r.render("{\"prompt\": \"a\"}", 1);
  std::string told;
  for (auto& p : r.told)
    told += p.wrote ? std::string{"wrote "} : std::string{to_string(p.phase)} + std::to_string(p.step) + ' ';
  CHECK(told == "encoding0 denoising0 denoising1 denoising2 denoising3 decoding3 decoding3 wrote ");
  CHECK(r.told.back().videos_done == 1);
  CHECK(r.told.back().videos_total == 1);
}

TEST_CASE("a batch that the memory does not hold is taken apart") {
  run r;
  r.model.holds = 1;
  CHECK(r.render(five, 4) == 5);
  CHECK(text_of(r.out / "004-d.mp4") == "4");
  CHECK(std::ranges::any_of(r.told, [](auto& p) { return p.note.find("taking fewer") != p.note.npos; }));
}

TEST_CASE("what was made before the memory ended is not made again") {
  run r;
  r.model.decodes = 2;
  CHECK(r.render(five, 4) == 5);
  std::istringstream lines{text_of(r.out / "videos.jsonl")};
  std::string line;
  std::multiset<std::string> named;
  while (std::getline(lines, line)) named.insert(std::string{boost::json::parse(line).at("file").as_string()});
  CHECK(named == std::multiset<std::string>{"001-a.mp4", "002-b.mp4", "003-c.mp4", "004-d.mp4", "005-e.mp4"});
}

TEST_CASE("one video that the memory does not hold ends the run") {
  run r;
  r.model.holds = 0;
  CHECK_THROWS_AS(r.render("a", 1), render_error);
}

TEST_CASE("what the model cannot make is told before anything is made") {
  run r;
  try {
    r.render(five + "{\"prompt\": \"f\", \"size\": \"50x50\"}\n", 1);
    FAIL("rendered");
  } catch (const render_error& e) {
    CHECK(e.code() == errc::unsupported);
    CHECK_THAT(e.what(), ContainsSubstring("line 6"));
  }
  CHECK(r.model.prepared == 0);
}

TEST_CASE("videos that are there can be left out") {
  run r;
  r.render(five, 1);
  fs::remove(r.out / "003-c.mp4");
  CHECK(r.render(five, 1, true) == 1);
  CHECK(fs::exists(r.out / "003-c.mp4"));
}

TEST_CASE("a folder that cannot be written is named") {
  run r;
  r.out = r.folder.write("file", "x") / "videos";
  CHECK_THROWS_WITH(r.render("a", 1), ContainsSubstring("file"));
}
