// samples.hpp: Requests, objects and times for tests and benchmarks of the storage role.
#pragma once

#include <sodium.h>

#include "messages/storage.hpp"

namespace reel::samples {

inline wall_time real_time() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

inline sha256_digest sha256_of(std::string_view bytes) {
  sha256_digest digest;
  crypto_hash_sha256(digest.bytes.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  return digest;
}

/// With every field set, of the size that real ones have.
inline job_request request(const job_id& id, std::string tenant = "acme") {
  job_request r;
  r.id = id;
  r.tenant.value = std::move(tenant);
  r.created_at = id.created_at();
  r.prompt = "Two anthropomorphic cats in comfy boxing gear and bright gloves fight intensely on a "
             "spotlighted stage.";
  r.negative_prompt = std::string(200, 'n');
  for (int i = 0; i < 30; ++i) r.prompt_tokens.push_back(1000 + i * 37);
  for (int i = 0; i < 60; ++i) r.negative_tokens.push_back(9000 + i * 101);
  r.params = {{"wan-small"}, 64, 64, 17, 16, 20, sampler_kind::unipc, 4.0f, 3.0f, 12.0f, 42};
  r.metadata = {{"project", "launch"}};
  r.payload_sha256 = sha256_of(r.prompt);
  return r;
}

inline object_write object(const job_id& job, const std::string& bytes, const std::string& tenant = "acme",
                           std::uint32_t fence = 1, artifact kind = artifact::video) {
  const auto digest = sha256_of(bytes);
  return {make_object_key(object_prefix({tenant}, job, 1, fence), kind, digest), digest, blob::copy_of(bytes)};
}

} // namespace reel::samples
