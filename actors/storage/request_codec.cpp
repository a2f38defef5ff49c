#include "actors/storage/request_codec.hpp"

#include <isa-l/crc.h>

#include "actors/storage/byte_codec.hpp"

namespace reel::stored {

namespace {

// Stored: never renumber.
enum tag : std::uint32_t {
  tag_id = 1,
  tag_tenant = 2,
  tag_class = 3,
  tag_created_at = 4,
  tag_deadline = 5,
  tag_prompt = 6,
  tag_negative_prompt = 7,
  tag_prompt_tokens = 8,
  tag_negative_tokens = 9,
  tag_params = 10,
  tag_allow_degraded = 11,
  tag_metadata = 12, ///< once per pair
  tag_idempotency_key = 13,
  tag_payload_sha256 = 14,
  tag_is_preview = 15,
  tag_final_of = 16,
  tag_webhook_url = 17,
  tag_trace = 18,
};

/// Writes fields through one scratch buffer, because a field's length precedes it.
class field_writer {
public:
  explicit field_writer(std::string& out) : out_{out} {}

  void text(tag t, std::string_view value) {
    if (!value.empty()) out_.field(t, value);
  }
  template <class Fill> void made(tag t, Fill fill) {
    scratch_.clear();
    byte_writer content{scratch_};
    fill(content);
    out_.field(t, scratch_);
  }
  void number(tag t, std::int64_t value) {
    made(t, [value](byte_writer& w) { w.signed_varint(value); });
  }
  void tokens(tag t, const std::vector<std::int32_t>& values) {
    if (values.empty()) return;
    made(t, [&values](byte_writer& w) {
      for (auto value : values) w.signed_varint(value);
    });
  }

private:
  byte_writer out_;
  std::string scratch_;
};

template <class Bytes> std::string_view view_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write_params(const render_params& p, byte_writer& w) {
  w.text(p.model.value);
  for (auto value : {p.width, p.height, p.frames, p.fps, p.steps}) w.signed_varint(value);
  w.varint(static_cast<std::uint64_t>(p.sampler));
  for (auto value : {p.guidance_high, p.guidance_low, p.flow_shift}) w.raw(value);
  w.raw(p.seed);
}

std::int32_t read_int(byte_reader& r) { return static_cast<std::int32_t>(r.signed_varint()); }

render_params read_params(byte_reader& r) {
  render_params p;
  p.model.value = r.text();
  for (auto* value : {&p.width, &p.height, &p.frames, &p.fps, &p.steps}) *value = read_int(r);
  p.sampler = static_cast<sampler_kind>(r.varint());
  for (auto* value : {&p.guidance_high, &p.guidance_low, &p.flow_shift}) *value = r.raw<float>();
  p.seed = r.raw<std::uint64_t>();
  return p;
}

std::vector<std::int32_t> read_tokens(byte_reader& r) {
  std::vector<std::int32_t> tokens;
  tokens.reserve(r.left() / 2); // most take two bytes
  while (!r.at_end()) tokens.push_back(read_int(r));
  return tokens;
}

wall_time time_of(std::int64_t ms) { return wall_time{std::chrono::milliseconds{ms}}; }

/// False when the content does not fit the tag.
bool read_field(std::uint64_t tag, std::string_view content, job_request& out) {
  byte_reader r{content};
  switch (tag) {
  case tag_id: out.id = r.raw<job_id>(); break;
  case tag_tenant: out.tenant.value = content; break;
  case tag_class: out.cls = static_cast<job_class>(r.signed_varint()); break;
  case tag_created_at: out.created_at = time_of(r.signed_varint()); break;
  case tag_deadline: out.deadline = time_of(r.signed_varint()); break;
  case tag_prompt: out.prompt = content; break;
  case tag_negative_prompt: out.negative_prompt = content; break;
  case tag_prompt_tokens: out.prompt_tokens = read_tokens(r); break;
  case tag_negative_tokens: out.negative_tokens = read_tokens(r); break;
  case tag_params: out.params = read_params(r); break;
  case tag_allow_degraded: out.allow_degraded = r.signed_varint() != 0; break;
  case tag_metadata: {
    std::string key{r.text()};
    out.metadata.emplace_back(std::move(key), r.text());
    break;
  }
  case tag_idempotency_key: out.idempotency_key = content; break;
  case tag_payload_sha256: out.payload_sha256 = r.raw<sha256_digest>(); break;
  case tag_is_preview: out.is_preview = r.signed_varint() != 0; break;
  case tag_final_of: out.final_of = r.raw<job_id>(); break;
  case tag_webhook_url: out.webhook_url = content; break;
  case tag_trace: out.trace = r.raw<trace_id>(); break;
  default: break; // of a newer version: nothing we need
  }
  return r.good();
}

} // namespace

void encode_request(const job_request& request, std::string& out) {
  const auto start = out.size();
  out += static_cast<char>(request_version);
  field_writer w{out};
  w.text(tag_id, view_of(request.id.bytes));
  w.text(tag_tenant, request.tenant.value);
  w.number(tag_class, static_cast<std::int64_t>(request.cls));
  w.number(tag_created_at, request.created_at.time_since_epoch().count());
  if (request.deadline) w.number(tag_deadline, request.deadline->time_since_epoch().count());
  w.text(tag_prompt, request.prompt);
  w.text(tag_negative_prompt, request.negative_prompt);
  w.tokens(tag_prompt_tokens, request.prompt_tokens);
  w.tokens(tag_negative_tokens, request.negative_tokens);
  w.made(tag_params, [&request](byte_writer& params) { write_params(request.params, params); });
  w.number(tag_allow_degraded, request.allow_degraded);
  for (const auto& [key, value] : request.metadata)
    w.made(tag_metadata, [&key = key, &value = value](byte_writer& pair) {
      pair.text(key);
      pair.text(value);
    });
  w.text(tag_idempotency_key, request.idempotency_key);
  w.text(tag_payload_sha256, view_of(request.payload_sha256.bytes));
  if (request.is_preview) w.number(tag_is_preview, 1);
  if (request.is_final()) w.text(tag_final_of, view_of(request.final_of.bytes));
  w.text(tag_webhook_url, request.webhook_url);
  if (!request.trace.is_nil()) w.text(tag_trace, view_of(request.trace.bytes));
  byte_writer{out}.raw(crc32c(std::string_view{out}.substr(start)));
}

outcome<job_request, errc> decode_request(std::string_view record) {
  if (record.size() < 1 + sizeof(std::uint32_t)) return failed{errc::corrupt};
  const auto body = record.substr(0, record.size() - sizeof(std::uint32_t));
  if (byte_reader{record.substr(body.size())}.raw<std::uint32_t>() != crc32c(body)) return failed{errc::corrupt};
  if (static_cast<std::uint8_t>(body[0]) > request_version) return failed{errc::unsupported};

  job_request request;
  byte_reader fields{body.substr(1)};
  while (!fields.at_end()) {
    auto tag = fields.varint();
    if (!read_field(tag, fields.text(), request)) return failed{errc::corrupt};
  }
  if (!fields.good()) return failed{errc::corrupt};
  return request;
}

void encode_batch_key(const batch_key& key, std::string& out) {
  byte_writer w{out};
  w.text(key.model.value);
  for (auto value : {key.width, key.height, key.frames, key.steps}) w.signed_varint(value);
  w.varint(static_cast<std::uint64_t>(key.sampler));
  w.raw(key.flow_shift);
}

batch_key decode_batch_key(std::string_view record) {
  byte_reader r{record};
  batch_key key;
  key.model.value = r.text();
  for (auto* value : {&key.width, &key.height, &key.frames, &key.steps}) *value = read_int(r);
  key.sampler = static_cast<sampler_kind>(r.varint());
  key.flow_shift = r.raw<float>();
  return key;
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
  auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data())); // the library only reads
  return ~crc32_iscsi(data, static_cast<int>(bytes.size()), ~before);
}

} // namespace reel::stored
