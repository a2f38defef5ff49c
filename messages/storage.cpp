#include "messages/storage.hpp"

#include <charconv>

namespace reel {

namespace {

std::string_view suffix_of(artifact kind) {
  switch (kind) {
  case artifact::video: return ".mp4";
  case artifact::thumbnail: return ".png";
  case artifact::saved_run: break;
  }
  return ".run";
}

/// Cuts "text" up to the separator off the front; the separator goes too.
std::string_view take_until(std::string_view& rest, char separator) {
  auto end = rest.find(separator);
  auto head = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return head;
}

bool read_number(std::string_view text, char letter, std::uint32_t& number) {
  if (text.size() < 2 || text[0] != letter || text[1] == '0') return false;
  auto [end, bad] = std::from_chars(text.data() + 1, text.data() + text.size(), number);
  return bad == std::errc{} && end == text.data() + text.size();
}

} // namespace

std::string_view to_string(verdict v) {
  switch (v) {
  case verdict::succeeded: return "succeeded";
  case verdict::retry: return "retry";
  case verdict::failed: return "failed";
  case verdict::cancelled: return "cancelled";
  case verdict::dead_letter: return "dead_letter";
  }
  return "unknown";
}

std::string_view to_string(quota_kind k) {
  switch (k) {
  case quota_kind::none: return "none";
  case quota_kind::queued_jobs: return "queued_jobs";
  case quota_kind::jobs_per_day: return "jobs_per_day";
  case quota_kind::gpu_seconds_per_day: return "gpu_seconds_per_day";
  }
  return "unknown";
}

std::string object_prefix(const tenant_id& tenant, const job_id& job, std::uint32_t generation, std::uint32_t fence) {
  return "t/" + tenant.value + "/j/" + hex_of(job) + "/g" + std::to_string(generation) + "/f" + std::to_string(fence);
}

std::string make_object_key(std::string_view prefix, artifact kind, const sha256_digest& sha256) {
  std::string key{prefix};
  key += '-';
  key += to_string(sha256);
  key += suffix_of(kind);
  return key;
}

std::optional<object_key_parts> parse_object_key(std::string_view key) {
  object_key_parts parts;
  std::string_view rest = key;
  if (take_until(rest, '/') != "t") return {};
  parts.tenant.value = take_until(rest, '/');
  if (!is_valid_name(parts.tenant.value) || take_until(rest, '/') != "j") return {};
  if (!from_hex(take_until(rest, '/'), parts.job.bytes.data(), parts.job.bytes.size())) return {};
  if (!read_number(take_until(rest, '/'), 'g', parts.generation)) return {};
  if (!read_number(take_until(rest, '-'), 'f', parts.fence)) return {};
  if (!from_hex(take_until(rest, '.'), parts.sha256.bytes.data(), parts.sha256.bytes.size())) return {};
  if (rest == "png")
    parts.kind = artifact::thumbnail;
  else if (rest == "run")
    parts.kind = artifact::saved_run;
  else if (rest != "mp4")
    return {};
  return parts;
}

} // namespace reel
