// bounds_test.cpp: The decoder's bounds let every legitimate message through. Method: the bounds are compared
// with runtime/limits.hpp; messages are made as small and as large as they may be, because the smallest ones
// cost most memory per byte, and the largest ones most bytes.
#include <catch2/catch_test_macros.hpp>
#include <cstring>

#include "messages/wire/bounds.hpp"
#include "runtime/limits.hpp"
#include "tests/messages/wire/allocation_meter.hpp"
#include "tests/messages/wire/every_message.hpp"

using namespace reel;
using namespace reel::wire;
using namespace reel::wire::testing;

static_assert(body_bytes_max == limits::body_bytes_max);
static_assert(prompt_bytes_max == limits::prompt_bytes_max);
static_assert(metadata_text_max == limits::metadata_text_max);
static_assert(prompt_tokens_max == limits::prompt_tokens_max);
static_assert(metadata_pairs_max == limits::metadata_pairs_max);
static_assert(batch_jobs_max == limits::batch_jobs_max);
static_assert(accept_jobs_max == limits::accept_jobs_max);
static_assert(watched_jobs_max == limits::watched_jobs_max);
static_assert(breakers_max == limits::breakers_max);
static_assert(wire::inspected_events_max == reel::inspected_events_max);
static_assert(webhook_url_bytes_max == limits::webhook_url_bytes_max);
static_assert(objects_max <= limits::attachments_max);

namespace {

/// Decodes within the budget, also from an address that is not aligned.
template <class Message> void check_fits(const Message& m) {
  const auto e = encode(m);
  REQUIRE(e.body.size() <= body_bytes_max);
  std::vector<std::uint8_t> copy(e.body.size() + 1);
  std::memcpy(copy.data() + 1, e.body.data(), e.body.size());
  for (auto body : {e.body.bytes(), std::span<const std::uint8_t>{copy}.subspan(1)}) {
    allocation_meter meter;
    auto back = decode<Message>(body, e.attachments);
    const auto allocated = meter.bytes();
    REQUIRE(back.has_value());
    REQUIRE(*back == m);
    REQUIRE(allocated <= budget_factor * body.size());
  }
}

job_request largest_request() {
  auto job = sample_of<job_request>({metadata_pairs_max, 64});
  job.prompt = job.negative_prompt = std::string(prompt_bytes_max, 'p');
  job.prompt_tokens.resize(prompt_tokens_max);
  job.negative_tokens.resize(prompt_tokens_max);
  for (auto& [key, value] : job.metadata) key = value = std::string(metadata_text_max, 'm');
  job.idempotency_key = std::string(key_bytes_max, 'k');
  job.webhook_url = std::string(webhook_url_bytes_max, 'u');
  return job;
}

template <class T> T with_longest_notes() {
  auto v = sample_of<T>({2, 64});
  v.message = std::string(note_bytes_max, 'n');
  return v;
}

} // namespace

TEST_CASE("lists and texts of every size stay within the budget, in every message") {
  for_each_message([]<class Message>() {
    INFO(type_name(type_of<Message>()));
    for (std::size_t entries : {0, 1, 2, 3, 16})
      for (std::size_t letters : {0, 1, 7, 8, 15, 16, 17, 22, 23, 24, 31, 32, 33, 61, 64}) {
        INFO(entries << " entries, " << letters << " letters");
        check_fits(sample_of<Message>({entries, letters}));
      }
  });
}

TEST_CASE("the longest lists of the smallest entries stay within the budget") {
  check_fits(accept_jobs{std::vector<job_request>(accept_jobs_max)});
  check_fits(accept_answers{std::vector<accept_answer>(accept_jobs_max)});
  check_fits(job_page{std::vector<job_record>(job_page_max)});
  check_fits(unfinished_page{std::vector<waiting_job>(list_max)});
  check_fits(grant_answer{std::vector<granted_job>(batch_jobs_max)});
  check_fits(end_batch{0, {}, std::vector<job_outcome>(batch_jobs_max)});
  check_fits(end_answer{std::vector<errc>(batch_jobs_max)});
  check_fits(put_objects{std::vector<object_write>(objects_max)});
  check_fits(put_answer{std::vector<errc>(objects_max)});
  check_fits(delete_answer{false, std::vector<std::string>(list_max)});
  check_fits(delete_objects{std::vector<std::string>(list_max)});
  check_fits(run_batch{{}, {}, {}, std::vector<run_job>(batch_jobs_max)});
  check_fits(batch_finished{{}, {}, {}, {}, std::vector<job_result>(batch_jobs_max)});
  check_fits(workers_report{{}, {}, false, std::vector<worker_status>(list_max)});
  check_fits(watch_jobs{{}, std::vector<job_id>(watched_jobs_max)});
  check_fits(nodes_view{{}, std::vector<node_status>(list_max)});
  check_fits(batch_saved{{}, std::vector<saved_job>(batch_jobs_max)});
  check_fits(breakers_view{std::vector<breaker_status>(breakers_max)});
  check_fits(breaker_overrides{std::vector<breaker_override>(breakers_max)});
  check_fits(line_overview{.workers = std::vector<worker_overview>(overview_limits::workers)});
  check_fits(line_overview{.samples = std::vector<line_sample>(overview_limits::samples)});
  check_fits(audit_page{std::vector<audit_entry>(job_page_max)});
  check_fits(found_jobs{std::vector<job_record>(job_page_max)});
  check_fits(note_cluster{1, std::vector<cluster_note>(notes_max)});
}

TEST_CASE("the largest messages fit into a body") {
  check_fits(accept_jobs{std::vector(accept_jobs_max, largest_request())});
  const saved_run saved{std::string(key_bytes_max, 'k'), 1, 1};
  check_fits(grant_answer{std::vector(batch_jobs_max, granted_job{errc::ok, 1, 1, 1, largest_request(), saved})});

  auto record = sample_of<job_record>({1, 64});
  record.request = largest_request();
  record.error_message = record.degrade_reason = std::string(note_bytes_max, 'n');
  check_fits(job_page{std::vector(job_page_max, record), true});

  check_fits(unfinished_page{std::vector(list_max, sample_of<waiting_job>({1, 64}))});
  check_fits(end_batch{1, {}, std::vector(batch_jobs_max, with_longest_notes<job_outcome>())});
  check_fits(batch_finished{{}, {}, {}, {}, std::vector(batch_jobs_max, with_longest_notes<job_result>())});

  line_overview overview;
  overview.workers.assign(overview_limits::workers, with_longest_notes<worker_overview>());
  for (auto& w : overview.workers) w.members.resize(overview_limits::members);
  check_fits(overview);

  run_job job{{}, 1, std::vector<std::int32_t>(prompt_tokens_max), std::vector<std::int32_t>(prompt_tokens_max)};
  job.object_prefix = std::string(key_bytes_max, 'o');
  job.saved = saved;
  check_fits(run_batch{{}, {}, {}, std::vector(batch_jobs_max, job)});
}
