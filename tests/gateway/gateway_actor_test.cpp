// gateway_actor_test.cpp: What the gateway actor carries beside new jobs: views, pages, cancelling, deleting, files and
// watching, against scripted others in virtual time.
#include <catch2/catch_test_macros.hpp>

#include "tests/gateway/gateway_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

TEST_CASE("a view of a job that waits has the scheduler's part, one that has ended does not ask for it") {
  world w;
  w.parts.to->read({{"acme"}, id_of(1)}, w.into(w.views));
  w.d.run();
  CHECK(w.s->reads == std::vector{read_job{{"acme"}, id_of(1)}});
  REQUIRE(w.views.size() == 1);
  CHECK(w.views[0]->live->queue_position == 3);
  w.s->record.state = job_state::succeeded;
  w.s->scheduler_silent = true;
  w.parts.to->read({{"acme"}, id_of(1)}, w.into(w.views));
  w.d.run();
  REQUIRE(w.views.size() == 2);
  CHECK_FALSE(w.views[1]->live);
}

TEST_CASE("a scheduler that fails or is silent costs only the live part") {
  world w;
  w.s->live_code = errc::unreachable;
  w.parts.to->read({{"acme"}, id_of(1)}, w.into(w.views));
  w.d.run();
  REQUIRE(w.views.size() == 1);
  CHECK_FALSE(w.views[0]->live);
  w.s->scheduler_silent = true;
  w.parts.to->read({{"acme"}, id_of(1)}, w.into(w.views));
  w.d.run();
  CHECK(w.views.size() == 1);
  w.d.pass(1100ms);
  REQUIRE(w.views.size() == 2);
  CHECK(w.views[1].has_value());
}

TEST_CASE("cancelling and deleting tell the scheduler, and deleting removes the files") {
  world w;
  std::vector<outcome<cancel_answer, errc>> cancels;
  std::vector<outcome<delete_answer, errc>> deletes;
  w.parts.to->cancel({{"acme"}, id_of(1)}, w.into(cancels));
  w.parts.to->remove({{"acme"}, id_of(2)}, w.into(deletes));
  w.d.run();
  REQUIRE(cancels.size() == 1);
  CHECK(cancels[0]->stopping);
  REQUIRE(deletes.size() == 1);
  CHECK(w.s->cancelled == std::vector{id_of(1), id_of(2)});
  REQUIRE(w.s->deleted.size() == 1);
  CHECK(w.s->deleted[0].keys == std::vector<std::string>{"t/a", "t/b"});
  w.s->refuse = errc::conflict;
  w.parts.to->cancel({{"acme"}, id_of(1)}, w.into(cancels));
  w.d.run();
  CHECK(cancels[1].error() == errc::conflict);
  CHECK(w.s->cancelled.size() == 2);
}

TEST_CASE("lists and slices pass through, errors too") {
  world w;
  std::vector<outcome<view_page, errc>> pages;
  std::vector<outcome<object_slice, errc>> slices;
  for (auto code : {errc::ok, errc::unavailable}) {
    w.s->refuse = code;
    w.parts.to->list({}, w.into(pages));
    w.parts.to->read_object({"t/a", 0, 5}, w.into(slices));
    w.d.run();
  }
  REQUIRE(pages.size() == 2);
  CHECK(pages[0]->has_more);
  CHECK(pages[1].error() == errc::unavailable);
  REQUIRE(slices.size() == 2);
  CHECK(slices[0]->data == blob::copy_of("hello"));
  CHECK(slices[1].error() == errc::unavailable);
}

TEST_CASE("commands go to the scheduler, and its answers and silence come back") {
  world w;
  const set_pause pause_acme{{"acme"}, true, {"ops"}};
  const reprioritise_job to_vip{{"acme"}, id_of(1), job_class::vip};
  std::vector<outcome<pause_list, errc>> pauses;
  std::vector<outcome<reprioritise_answer, errc>> classes;
  std::vector<outcome<breakers_view, errc>> breakers;
  for (auto code : {errc::ok, errc::not_found}) {
    w.s->refuse = code;
    w.parts.to->pause(pause_acme, w.into(pauses));
    w.parts.to->reprioritise(to_vip, w.into(classes));
    w.parts.to->breaker({{"wan"}, "cpu", breaker_order::open, {"ops"}}, w.into(breakers));
    w.d.run();
  }
  CHECK(w.s->paused == std::vector{pause_acme, pause_acme});
  CHECK(w.s->reprioritised == std::vector{to_vip, to_vip});
  REQUIRE((pauses.size() == 2 && classes.size() == 2 && breakers.size() == 2));
  CHECK(breakers[0]->all.at(0).device == "cpu");
  CHECK(breakers[1].error() == errc::not_found);
  CHECK(pauses[0]->all.at(0).tenant.value == "acme");
  CHECK(classes[0]->to == job_class::vip);
  CHECK(pauses[1].error() == errc::not_found);
  CHECK(classes[1].error() == errc::not_found);

  w.s->silent = true;
  w.parts.to->pause(pause_acme, w.into(pauses));
  w.d.run();
  CHECK(pauses.size() == 2);
  for (int i = 0; i < 13; ++i) w.d.pass(1s);
  REQUIRE(pauses.size() == 3);
  CHECK(pauses[2].error() == errc::timeout);
}

TEST_CASE("a page has the live parts of its running jobs, as far as the scheduler gives them in time") {
  world w;
  for (std::uint8_t i = 1; i <= 4; ++i) {
    w.s->page.push_back({.request = job(i)});
    w.s->page.back().state = i % 2 == 0 ? job_state::leased : job_state::succeeded;
  }
  std::vector<outcome<view_page, errc>> pages;
  w.parts.to->list({}, w.into(pages));
  w.d.run();
  REQUIRE(pages.size() == 1);
  REQUIRE(pages[0]->jobs.size() == 4);
  CHECK(w.s->described == std::vector{id_of(2), id_of(4)});
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(pages[0]->jobs[i].record == w.s->page[i]);
    CHECK(pages[0]->jobs[i].live.has_value() == (i % 2 == 1));
  }
  w.s->scheduler_silent = true;
  w.parts.to->list({}, w.into(pages));
  w.d.run();
  CHECK(pages.size() == 1);
  w.d.pass(1100ms);
  REQUIRE(pages.size() == 2);
  CHECK(pages[1]->jobs.size() == 4);
  CHECK_FALSE(pages[1]->jobs[1].live);
}

TEST_CASE("the scheduler hears the whole set of watched jobs on change and every five seconds") {
  world w;
  std::vector<job_update> a, b;
  auto first = w.parts.to->watch(id_of(1), [&a](const job_update& u) { a.push_back(u); });
  auto second = w.parts.to->watch(id_of(1), [&b](const job_update& u) { b.push_back(u); });
  w.parts.to->watch(id_of(2), [](const job_update&) {});
  w.d.run();
  REQUIRE(w.s->watched.size() == 1);
  CHECK(w.s->watched[0] == watch_jobs{{"control"}, {id_of(1), id_of(2)}});
  for (int i = 0; i < 6; ++i) w.d.pass(1s);
  CHECK(w.s->watched.size() == 2);

  act::post(w.gateway, job_update{id_of(1), job_state::leased, {}});
  act::post(w.gateway, job_update{id_of(9), job_state::leased, {}});
  w.d.run();
  CHECK(a.size() == 1);
  CHECK(b.size() == 1);

  w.parts.to->unwatch(first);
  w.d.run();
  act::post(w.gateway, job_update{id_of(1), job_state::succeeded, {}});
  w.d.run();
  CHECK(a.size() == 1);
  CHECK(b.size() == 2);
  w.parts.to->unwatch(second);
  w.parts.to->unwatch(second);
  w.parts.to->unwatch(12345);
  w.d.run();
  CHECK(w.s->watched.back() == watch_jobs{{"control"}, {id_of(2)}});
}

TEST_CASE("an overview is the scheduler's, or its refusal") {
  world w;
  std::vector<outcome<line_overview, errc>> overviews;
  w.parts.to->overview({}, w.into(overviews));
  w.d.run();
  REQUIRE(overviews.size() == 1);
  CHECK(overviews[0]->term == 7);
  w.s->refuse = errc::unavailable;
  w.parts.to->overview({}, w.into(overviews));
  w.d.run();
  CHECK(overviews[1].error() == errc::unavailable);
  w.s->refuse = errc::ok;
  w.s->silent = true;
  w.parts.to->overview({}, w.into(overviews));
  w.d.run();
  w.d.pass(1100ms);
  REQUIRE(overviews.size() == 3);
  CHECK(overviews[2].error() == errc::timeout);
}

TEST_CASE("the line is looked at once a second for all who look, and not at all when nobody does") {
  world w;
  std::vector<std::uint64_t> one, two;
  auto keep = [](std::vector<std::uint64_t>& seen) {
    return
        [&seen](const outcome<std::shared_ptr<const line_overview>, errc>& l) { seen.push_back(l ? (*l)->term : 0); };
  };
  auto first = w.parts.to->watch_line(keep(one)), second = w.parts.to->watch_line(keep(two));
  w.d.run();
  CHECK(one == std::vector<std::uint64_t>{7});
  CHECK(two == one); // what the first one's question was answered
  CHECK(w.s->looked_at_line == 1);
  for (int i = 0; i < 3; ++i) w.d.pass(1s); // a longer one is one tick
  CHECK(w.s->looked_at_line == 4);
  CHECK(two.size() == 4);
  w.s->refuse = errc::unreachable;
  w.d.pass(1s);
  CHECK(one.back() == 0);
  w.parts.to->unwatch(first);
  w.parts.to->unwatch(second);
  for (int i = 0; i < 3; ++i) w.d.pass(1s);
  CHECK(w.s->looked_at_line == 5);
}

TEST_CASE("lists of jobs are made once a second for each whose jobs are looked at") {
  world w;
  w.s->page = {w.s->record};
  std::size_t own = 0, all = 0;
  auto count = [](std::size_t& n) {
    return [&n](const outcome<std::shared_ptr<const view_page>, errc>& p) { n += p && (*p)->jobs.size() == 1; };
  };
  auto a = w.parts.to->watch_jobs({"acme"}, count(own)), b = w.parts.to->watch_jobs({"acme"}, count(own));
  auto c = w.parts.to->watch_jobs({}, count(all));
  w.d.run();
  CHECK(w.s->listed == 2);
  CHECK(own == 2);
  CHECK(all == 1);
  for (auto id : {a, b, c}) w.parts.to->unwatch(id);
  w.d.pass(3s);
  CHECK(w.s->listed <= 4); // one may have been under way
}

TEST_CASE("a job's story is told to whoever may see the job") {
  world w;
  std::vector<outcome<job_story, errc>> stories;
  w.parts.to->story({{"acme"}, id_of(1)}, w.into(stories));
  w.d.run();
  REQUIRE(stories.size() == 1);
  CHECK(stories[0]->why.has_value());
  w.s->refuse = errc::not_found;
  w.parts.to->story({{"other"}, id_of(1)}, w.into(stories));
  w.d.run();
  CHECK(stories.at(1).error() == errc::not_found);
}
