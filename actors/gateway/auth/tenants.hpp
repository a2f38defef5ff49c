// auth/tenants.hpp: Who may use this gateway, and how much: the tenants file (TOML), read once at start.
//
//   [[tenant]]
//   id = "acme"                      # [a-z0-9._-], 1 to 64
//   key_hashes = ["<64 hex digits>"] # BLAKE2b-256 of a whole key; several while keys are being changed
//   default_class = "standard"       # urgent, vip, standard, free
//   allowed_classes = ["standard", "free"]
//   allow_degraded = true            # may the light model stand in, unless a request says otherwise
//   weight = 1                       # fair share, 1 to 1000
//   queued_jobs_max = 10000          # accepted and not ended
//   running_jobs_max = 4             # more wait
//   jobs_per_day = 1000              # accepted; those that fail or are cancelled are given back
//   gpu_seconds_per_day = 3600       # an estimate is reserved at acceptance, what was measured is charged for success
//   free = { jobs_per_day = 10 }     # the same four limits for one class alone: urgent, vip, standard, free
//   time_zone = "UTC"                # in which days begin: "Europe/Berlin", "+02:00"
//   requests_per_s = 100             # and `burst` at once
//   burst = 200
//   webhook_secret_file = "acme.whsec" # signs its webhooks (actors/delivery/webhook_secret.hpp); beside this file, or
//                                      # with a whole path. Without one it has no webhooks
//   operator = false                 # sees all tenants' jobs
//
// All but id and key_hashes may be left out; limits that are left out are none, but for queued_jobs_max and the rate.
// Keys themselves are stored nowhere.
#pragma once

#include <array>
#include <atomic>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/quota_limits.hpp"
#include "runtime/logic/token_bucket.hpp"

namespace reel {

std::vector<job_class> usual_classes(); ///< standard and free
tenant_quota usual_quota();             ///< 10,000 jobs in the queue

struct tenant {
  tenant_id id;
  std::vector<std::string> key_hashes; ///< 64 hexadecimal digits each
  job_class default_class = job_class::standard;
  std::vector<job_class> allowed_classes = usual_classes();
  bool allow_degraded = true;
  std::uint32_t weight = 1;
  tenant_quota quota = usual_quota();
  token_bucket::options rate{.per_s = 100, .burst = 200};
  bool is_operator = false;
  std::string webhook_secret_file; ///< empty: none
  std::size_t index = 0;           ///< in tenants()
  bool operator==(const tenant&) const = default;
};

/// "reel-" and 43 characters of url-safe base64: 256 random bits.
std::string make_api_key();

/// BLAKE2b-256 of the whole key as 64 hexadecimal digits: what goes into the tenants file.
std::string hash_api_key(std::string_view key);

/// Immutable once made: any thread may look up.
class tenant_directory {
public:
  /// Throws std::runtime_error with file, line, what was found and what is allowed.
  static tenant_directory load(const std::string& file);
  static tenant_directory parse(std::string_view toml, const std::string& file_name);

  explicit tenant_directory(std::vector<tenant> tenants);

  /// Null for an unknown key. The key is hashed first and only its hash is looked up, so that the time this
  /// takes says nothing about how much of a guess was right.
  const tenant* find(std::string_view key) const;

  const std::vector<tenant>& tenants() const { return tenants_; }

private:
  using hash = std::array<std::uint8_t, 32>;
  struct first_bytes {
    std::size_t operator()(const hash& h) const;
  };
  std::vector<tenant> tenants_;
  std::unordered_map<hash, std::size_t, first_bytes> by_hash_;
};

/// How a request fared with its tenant's rate, and what is left of it.
struct rate_decision {
  std::chrono::nanoseconds wait{}; ///< zero: go ahead
  std::uint64_t left = 0;          ///< requests that may come at once
  std::chrono::nanoseconds full_in{};
};

/// The tenants' token buckets, shared by the HTTP threads without a lock.
class rate_limiter {
public:
  explicit rate_limiter(const std::vector<tenant>& tenants);

  rate_decision take(const tenant& who, instant now);

private:
  std::vector<token_bucket> buckets_;
  std::vector<std::atomic<token_bucket::state>> states_;
};

} // namespace reel
