// request_codec_test.cpp: What the ledger keeps of a request comes back exactly, later versions can add to
// it, and nothing damaged is ever taken for a request.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "actors/storage/byte_codec.hpp"
#include "actors/storage/request_codec.hpp"
#include "tests/storage/samples.hpp"

using namespace reel;

namespace {

std::string encoded(const job_request& r) {
  std::string out;
  stored::encode_request(r, out);
  return out;
}

std::string with_checksum(std::string body) {
  stored::byte_writer{body}.raw(stored::crc32c(body));
  return body;
}

job_request sample() {
  auto r = samples::request(id_generator{}.next<job_id>(samples::real_time()));
  r.deadline = r.created_at + std::chrono::hours{1};
  r.idempotency_key = "order 17";
  r.cls = job_class::urgent;
  r.allow_degraded = false;
  r.is_preview = true;
  r.final_of = id_generator{}.next<job_id>(r.created_at);
  r.webhook_url = "https://example.org/done?a=b";
  r.trace.bytes[3] = 7;
  return r;
}

} // namespace

TEST_CASE("the checksum is CRC-32C") {
  CHECK(stored::crc32c("123456789") == 0xe3069283); // the published check value
  CHECK(stored::crc32c("") == 0);
}

TEST_CASE("a request reads back as it was") {
  auto r = sample();
  CHECK(*stored::decode_request(encoded(r)) == r);
  CHECK(*stored::decode_request(encoded({})) == job_request{});
}

TEST_CASE("any request reads back as it was") {
  REQUIRE(rc::check([] {
    auto r = sample();
    r.prompt = *rc::gen::string<std::string>();
    r.negative_prompt = *rc::gen::string<std::string>();
    r.prompt_tokens = *rc::gen::arbitrary<std::vector<std::int32_t>>();
    r.negative_tokens = *rc::gen::arbitrary<std::vector<std::int32_t>>();
    r.metadata = *rc::gen::arbitrary<std::vector<std::pair<std::string, std::string>>>();
    r.params.seed = *rc::gen::arbitrary<std::uint64_t>();
    r.params.width = *rc::gen::arbitrary<std::int32_t>();
    r.created_at = wall_time{std::chrono::milliseconds{*rc::gen::arbitrary<std::int64_t>()}};
    auto back = stored::decode_request(encoded(r));
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back == r);
  }));
}

TEST_CASE("every changed bit and every missing end is found") {
  const auto good = encoded(sample());
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto flipped = good;
    flipped[i] = static_cast<char>(flipped[i] ^ (1 << i % 8));
    CHECK(stored::decode_request(flipped).error() == errc::corrupt);
    CHECK(stored::decode_request(std::string_view{good}.substr(0, i)).error() == errc::corrupt);
  }
}

TEST_CASE("fields of a later version are skipped, fields it does not have keep their defaults") {
  auto r = sample();
  auto body = encoded(r);
  body.resize(body.size() - 4);
  stored::byte_writer{body}.field(900, "something new");
  CHECK(*stored::decode_request(with_checksum(body)) == r);

  std::string old;
  old += '\x01';
  stored::byte_writer{old}.field(2, "acme");
  job_request only_tenant;
  only_tenant.tenant.value = "acme";
  CHECK(*stored::decode_request(with_checksum(old)) == only_tenant);
}

TEST_CASE("a record of an incompatible later version is not guessed at") {
  auto body = encoded(sample());
  body.resize(body.size() - 4);
  body[0] = '\x02';
  CHECK(stored::decode_request(with_checksum(body)).error() == errc::unsupported);
}

TEST_CASE("bytes with a right checksum and a wrong content are refused, whatever they are") {
  REQUIRE(rc::check([] {
    auto body = *rc::gen::string<std::string>();
    body.insert(body.begin(), '\x01');
    auto decoded = stored::decode_request(with_checksum(body)); // may be a request, must not be a crash
    RC_ASSERT((decoded || decoded.error() == errc::corrupt));
  }));
  std::string lies{"\x01"};
  stored::byte_writer w{lies};
  w.varint(6);
  w.varint(1'000'000'000); // a length that is not there
  CHECK(stored::decode_request(with_checksum(lies)).error() == errc::corrupt);
}

TEST_CASE("a batch key reads back as it was") {
  const auto key = key_of(sample().params);
  std::string out;
  stored::encode_batch_key(key, out);
  CHECK(stored::decode_batch_key(out) == key);
  CHECK(stored::decode_batch_key("") == batch_key{});
}
