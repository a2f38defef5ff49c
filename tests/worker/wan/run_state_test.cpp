// run_state_test.cpp: A run that was saved after any step and goes on in another renderer gives the same files, bit for
// bit; and bytes that are no such state, or another's, are refused with the right code.
#include "tests/worker/wan/golden.hpp" // first: see there

#include "actors/worker/wan/run_state.hpp"
#include "actors/worker/wan/wan_renderer.hpp"
#include "tests/worker/wan/jobs.hpp"

using namespace reel;
using namespace reel::wan;
using namespace reel::wan::testing;

namespace {

run_job with_sampler(int i, sampler_kind kind) {
  auto j = some_job(i);
  j.params.sampler = kind;
  return j;
}

std::vector<std::uint8_t> bytes_of(const blob& b) { return {b.bytes().begin(), b.bytes().end()}; }

} // namespace

TEST_CASE("a run saved after any step goes on elsewhere to the same files") {
  auto here = make_wan_renderer(cpu_options()), there = make_wan_renderer(cpu_options());
  for (auto kind : {sampler_kind::unipc, sampler_kind::dpmpp, sampler_kind::euler}) {
    std::vector<run_job> jobs{with_sampler(0, kind), with_sampler(1, kind)};
    auto whole = here->begin(jobs);
    whole->prepare();
    std::vector<blob> saved{whole->save()};
    for (; whole->steps_done() < whole->steps_total(); saved.push_back(whole->save())) whole->step();
    std::vector<rendered> expected{finish(*whole, 0), finish(*whole, 1)};
    REQUIRE(saved.size() == 5);
    for (std::size_t step = 0; step < saved.size(); ++step) {
      INFO("after step " << step);
      auto rest = there->resume(jobs, saved[step]);
      CHECK(rest->steps_done() == static_cast<int>(step));
      CHECK(rest->steps_total() == 4);
      denoise(*rest);
      for (std::size_t i = 0; i < 2; ++i) {
        auto found = finish(*rest, i);
        CHECK(found.video == expected[i].video);
        CHECK(found.thumbnail == expected[i].thumbnail);
      }
    }
  }
}

TEST_CASE("some jobs of a saved run go on without the others, also when one had left") {
  auto model = make_wan_renderer(cpu_options());
  auto three = model->begin({some_job(0), some_job(1), some_job(2)});
  three->prepare();
  three->step();
  three->drop(0);
  three->step();
  auto saved = three->save();
  denoise(*three);
  auto one = model->resume({some_job(2)}, saved);
  denoise(*one);
  CHECK(finish(*one, 0).video == finish(*three, 2).video);
  CHECK(code_of([&] { model->resume({some_job(0)}, saved); }) == errc::invalid_argument); // it had left
}

TEST_CASE("jobs of different saved runs, and a new one, go on together to the same files") {
  auto model = make_wan_renderer(cpu_options());
  std::vector<run_job> jobs{some_job(0), some_job(1), some_job(2)};
  std::vector<rendered> expected;
  std::vector<blob> saved;
  for (int i = 0; i < 3; ++i) {
    auto alone = model->begin({jobs[i]});
    alone->prepare();
    for (int step = 0; step < i + 1; ++step) alone->step();
    saved.push_back(i == 1 ? blob{} : alone->save());
    while (alone->steps_done() < alone->steps_total()) alone->step();
    expected.push_back(finish(*alone, 0));
  }
  auto together = model->resume(jobs, saved);
  for (auto [sample, steps] : {std::pair{0, 1}, {1, 0}, {2, 3}}) CHECK(together->steps_done_of(sample) == steps);
  together->prepare();
  together->step();
  auto again = together->save(); // and stopped once more
  together.reset();
  together = model->resume(jobs, again);
  denoise(*together);
  for (std::size_t i = 0; i < 3; ++i) CHECK(finish(*together, i).video == expected[i].video);
}

TEST_CASE("a saved run of other jobs, another seed or another shape is refused") {
  auto model = make_wan_renderer(cpu_options());
  auto batch = model->begin({some_job(0)});
  batch->prepare();
  batch->step();
  auto saved = batch->save();
  auto seed = some_job(0), shape = some_job(0);
  seed.params.seed = 4711;
  shape.params.height = 48;
  for (auto& job : {some_job(1), seed, shape})
    CHECK(code_of([&] { model->resume({job}, saved); }) == errc::invalid_argument);
}

TEST_CASE("bytes that are no saved run, or of another version or checkpoint, are refused") {
  auto model = make_wan_renderer(cpu_options());
  auto batch = model->begin({some_job(0)});
  batch->prepare();
  batch->step();
  auto good = batch->save();
  auto load = [&](std::vector<std::uint8_t> bytes) {
    return code_of([&] { model->resume({some_job(0)}, blob{std::move(bytes)}); });
  };
  for (std::size_t length : {std::size_t{0}, std::size_t{7}, std::size_t{40}, good.size() / 2, good.size() - 1}) {
    auto part = bytes_of(good);
    part.resize(length);
    CHECK(load(part) == errc::corrupt);
  }
  auto absurd = bytes_of(good);
  absurd[7] = 0xff;
  CHECK(load(absurd) == errc::corrupt);

  compute_scope scope;
  auto state = load_run(good);
  state.model = "another";
  CHECK(load(bytes_of(save_run(state))) == errc::unsupported);
  state = load_run(good);
  state.samples[0].step = 1000;
  CHECK(load(bytes_of(save_run(state))) == errc::corrupt);
  state = load_run(good);
  state.samples[0].tensors.latent = at::zeros({1, 1, 1, 1});
  CHECK(load(bytes_of(save_run(state))) == errc::corrupt);
  auto newer = bytes_of(good);
  std::string text{newer.begin(), newer.end()};
  text.replace(text.find("\"version\":\"1\"") + 11, 1, "2");
  CHECK(load({text.begin(), text.end()}) == errc::unsupported);
}

TEST_CASE("no flipped bit of a header does more than be refused or read as other numbers") {
  compute_scope scope;
  run_state state{"m", "b", {{"id", 7, 3, {at::ones({1, 2, 3, 4}), {}, at::ones({1, 2, 3, 4}), {}}}}};
  auto good = bytes_of(save_run(state));
  for (std::size_t bit = 0; bit < 8 * std::min<std::size_t>(good.size(), 420); ++bit) {
    auto bad = good;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    try {
      load_run(blob{bad});
    } catch (const render_error& e) {
      auto is_known = e.code() == errc::corrupt || e.code() == errc::unsupported;
      REQUIRE(is_known);
    }
  }
}

TEST_CASE("a job that joins a batch between two steps, and who was there, give the files they give alone") {
  auto model = make_wan_renderer(cpu_options());
  std::vector<run_job> jobs{some_job(0), some_job(1)};
  std::vector<rendered> expected;
  for (const auto& job : jobs) {
    auto alone = model->begin({job});
    alone->prepare();
    while (alone->steps_done() < alone->steps_total()) alone->step();
    expected.push_back(finish(*alone, 0));
  }
  auto together = model->begin({jobs[0]});
  together->prepare();
  together->step();
  together->join({jobs[1]});
  together->prepare();
  for (int step = 0; step < 3; ++step) together->step();
  CHECK(together->steps_done_of(0) == 4);
  CHECK(together->steps_done_of(1) == 3);
  auto first = finish(*together, 0); // while the other has a step to go
  CHECK_THROWS_AS(finish(*together, 1), std::logic_error);
  together->drop(0);
  together->step();
  auto second = finish(*together, 1);
  CHECK(first.video == expected[0].video);
  CHECK(second.video == expected[1].video);
  auto misfit = some_job(2);
  misfit.params.width = 7;
  CHECK(code_of([&] { together->join({misfit}); }) != errc::ok);
}
