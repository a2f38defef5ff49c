// fields_test.cpp: Every single check of a field: one wrong value makes the whole message malformed, the
// values beside it do not. Method: valid messages, one field changed through the generated builders of the
// schema.
#include <capnp/message.h>
#include <catch2/catch_test_macros.hpp>
#include <limits>

#include "messages/wire/bounds.hpp"
#include "messages/wire/storage.capnp.h"
#include "messages/wire/worker.capnp.h"
#include "tests/messages/wire/every_message.hpp"

using namespace reel;
using namespace reel::wire;
using namespace reel::wire::testing;

namespace {

/// Decodes what `fill` writes into the root struct.
template <class Message, class Schema, class Fill>
outcome<Message, errc> decode_filled(Fill fill, std::vector<blob> attachments = {}) {
  capnp::MallocMessageBuilder builder{1 << 16};
  fill(builder.initRoot<Schema>());
  const auto segments = builder.getSegmentsForOutput();
  REQUIRE(segments.size() == 1);
  const auto bytes = segments[0].asBytes();
  return decode<Message>({bytes.begin(), bytes.size()}, attachments);
}

/// A job's request with one field set; accepted or not.
template <class Fill> bool request_is_good(Fill fill) {
  auto m = decode_filled<accept_jobs, schema::AcceptJobs>([&](auto b) { fill(b.initJobs(1)[0]); });
  CHECK((m || m.error() == errc::malformed));
  return m.has_value();
}

bool text_is_good(std::string_view text) {
  return request_is_good([&](auto job) { job.setPrompt(capnp::Text::Reader{std::string{text}.c_str(), text.size()}); });
}

template <class Fill> bool batch_is_good(Fill fill) {
  return decode_filled<run_batch, schema::RunBatch>(fill).has_value();
}

template <class Fill> bool slice_is_good(Fill fill, std::vector<blob> attachments) {
  return decode_filled<object_slice, schema::ObjectSlice>(fill, std::move(attachments)).has_value();
}

} // namespace

TEST_CASE("enumerants that the reader does not know are malformed") {
  auto with_class = [](int n) {
    return request_is_good([n](auto job) { job.setCls(static_cast<schema::JobClass>(n)); });
  };
  for (int known : {0, 1, 2, 3}) CHECK(with_class(known));
  for (int unknown : {4, 255, 256, 258, 65535}) CHECK_FALSE(with_class(unknown));
}

TEST_CASE("error codes that the reader does not know are internal errors") {
  auto m = decode_filled<end_answer, schema::EndAnswer>([](auto b) {
    b.initCodes(256);
    for (int i = 0; i < 128; ++i) b.getCodes().set(i, i);
    b.adoptCodes(b.disownCodes());
  });
  CHECK_FALSE(m); // more than a batch has jobs
  m = decode_filled<end_answer, schema::EndAnswer>([](auto b) { b.setCodes({0, 30, 200, 255}); });
  REQUIRE(m);
  CHECK(m->codes == std::vector{errc::ok, errc::stale, errc::internal, errc::internal});
}

TEST_CASE("text is UTF-8 without NUL and within its bound") {
  CHECK(text_is_good(""));
  CHECK(text_is_good("une forêt, 漢字, 🎬"));
  CHECK(text_is_good(std::string(prompt_bytes_max, 'p')));
  CHECK_FALSE(text_is_good(std::string(prompt_bytes_max + 1, 'p')));
  CHECK_FALSE(text_is_good({"a\0b", 3}));
  CHECK_FALSE(text_is_good({"\0", 1}));
  CHECK_FALSE(text_is_good("a\xff"));
  CHECK_FALSE(text_is_good("cut \xe6\xbc"));
}

TEST_CASE("text that is not terminated by NUL is malformed") {
  auto e = encode(delete_objects{{"1234567"}}); // the last word: seven characters and NUL
  std::vector<std::uint8_t> body{e.body.bytes().begin(), e.body.bytes().end()};
  REQUIRE(decode<delete_objects>(body, {}));
  body.back() = '8';
  CHECK_FALSE(decode<delete_objects>(body, {}));
}

TEST_CASE("names are valid names or empty, workers have a node and a slot") {
  auto tenant = [](const char* name) { return request_is_good([name](auto job) { job.setTenant(name); }); };
  for (auto good : {"", "acme", "a.b_c-0"}) CHECK(tenant(good));
  for (auto bad : {"Acme", "../x", "a/b", "a b", "-a", "é"}) CHECK_FALSE(tenant(bad));
  CHECK_FALSE(tenant(std::string(65, 'a').c_str()));

  auto worker = [](const char* name) { return batch_is_good([name](auto b) { b.setWorker(name); }); };
  for (auto good : {"", "workers-1/0", "a/b"}) CHECK(worker(good));
  for (auto bad : {"a", "a/", "/0", "a/b/c", "a//b", "A/0", "../0"}) CHECK_FALSE(worker(bad));
}

TEST_CASE("times end with the year 9999 and start with 1970") {
  auto created = [](std::int64_t ms) { return request_is_good([ms](auto job) { job.setCreatedAtMs(ms); }); };
  auto deadline = [](std::int64_t ms) { return request_is_good([ms](auto job) { job.getDeadline().setUnixMs(ms); }); };
  for (std::int64_t good : {std::int64_t{0}, wall_time_ms_max}) CHECK((created(good) && deadline(good)));
  for (std::int64_t bad : {std::int64_t{-1}, wall_time_ms_max + 1, INT64_MAX, INT64_MIN})
    CHECK((!created(bad) && !deadline(bad)));

  auto lease = [](std::int64_t ms) { return batch_is_good([ms](auto b) { b.setLeaseTtlMs(ms); }); };
  CHECK((lease(0) && lease(lease_ttl_max.count())));
  CHECK((!lease(-1) && !lease(lease_ttl_max.count() + 1) && !lease(INT64_MAX)));
}

TEST_CASE("a union member that the reader does not know is malformed") {
  job_request job;
  job.deadline = wall_time{};
  const auto e = encode(accept_jobs{{job}});
  std::vector<std::uint8_t> body{e.body.bytes().begin(), e.body.bytes().end()};
  const auto other = encode(accept_jobs{{job_request{}}}); // differs only in the union's discriminant, 1 against 0
  std::size_t discriminant = 0;
  while (body[discriminant] == other.body.data()[discriminant]) ++discriminant;
  REQUIRE(body[discriminant] == 1);
  CHECK(decode<accept_jobs>(body, {}));
  body[discriminant] = 2;
  CHECK_FALSE(decode<accept_jobs>(body, {}));
}

TEST_CASE("floating-point numbers are finite") {
  using limits = std::numeric_limits<float>;
  auto shift = [](float f) { return request_is_good([f](auto job) { job.initParams().setFlowShift(f); }); };
  auto guidance = [](float f) {
    return request_is_good([f](auto job) { job.initParams().setGuidanceHigh(f); }) &&
           request_is_good([f](auto job) { job.initParams().setGuidanceLow(f); });
  };
  for (float good : {0.0f, -1.0f, limits::max(), limits::denorm_min()}) CHECK((shift(good) && guidance(good)));
  for (float bad : {limits::infinity(), -limits::infinity(), limits::quiet_NaN()})
    CHECK((!shift(bad) && !guidance(bad)));
}

TEST_CASE("lists are within their bounds") {
  auto jobs = [](unsigned n) {
    return decode_filled<grant_batch, schema::GrantBatch>([n](auto b) { b.initJobs(n); }).has_value();
  };
  CHECK(jobs(batch_jobs_max));
  CHECK_FALSE(jobs(batch_jobs_max + 1));
  CHECK(request_is_good([](auto job) { job.initPromptTokens(prompt_tokens_max); }));
  CHECK_FALSE(request_is_good([](auto job) { job.initPromptTokens(prompt_tokens_max + 1); }));
  CHECK(request_is_good([](auto job) { job.initMetadata(metadata_pairs_max); }));
  CHECK_FALSE(request_is_good([](auto job) { job.initMetadata(metadata_pairs_max + 1); }));
}

TEST_CASE("an attachment must be there and have the size that the body says") {
  auto data = [](unsigned index, unsigned size) {
    return [index, size](auto b) {
      auto attachment = b.initData();
      attachment.setIndex(index);
      attachment.setSizeBytes(size);
    };
  };
  const auto four = blob::copy_of("four"), none = blob{};
  CHECK(slice_is_good(data(0, 4), {four}));
  CHECK(slice_is_good(data(1, 4), {none, four})); // a newer sender may attach more
  CHECK_FALSE(slice_is_good(data(0, 4), {}));
  CHECK_FALSE(slice_is_good(data(1, 4), {four}));
  CHECK_FALSE(slice_is_good(data(65535, 4), {four}));
  CHECK_FALSE(slice_is_good(data(0, 3), {four}));
  CHECK_FALSE(slice_is_good(data(0, 5), {four}));
}
