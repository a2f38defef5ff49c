#include "actors/gateway/auth/tenants.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sodium.h>
#include <sstream>
#include <stdexcept>
#include <toml++/toml.h>

namespace reel {

namespace {

constexpr std::size_t key_bytes_max = 256; ///< ours have 48; longer ones are not worth hashing

std::array<std::uint8_t, 32> blake2b(std::string_view text) {
  std::array<std::uint8_t, 32> hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                     nullptr, 0);
  return hash;
}

/// Reads one [[tenant]] table; every complaint names file and line.
class tenant_reader {
public:
  tenant_reader(const toml::table& table, const std::string& file) : table_{table}, file_{file} {}

  tenant read() {
    tenant t;
    refuse_unknown();
    t.id.value = text("id").value_or("");
    if (!is_valid_name(t.id.value)) fail(table_, "id", "1 to 64 characters of [a-z0-9._-] expected");
    t.key_hashes = hashes();
    t.default_class = one_class("default_class").value_or(t.default_class);
    t.is_operator = flag("operator", t.is_operator);
    t.allow_degraded = flag("allow_degraded", t.allow_degraded);
    t.allowed_classes = classes(t);
    t.weight = static_cast<std::uint32_t>(number("weight", t.weight, 1, 1000));
    t.quota = quota();
    t.webhook_secret_file = beside(text("webhook_secret_file").value_or(""));
    t.rate.per_s = number("requests_per_s", t.rate.per_s, 0.001, 1e6);
    t.rate.burst = number("burst", std::max(1.0, 2 * t.rate.per_s), 1, 1e7);
    return t;
  }

private:
  [[noreturn]] void fail(const toml::node& where, std::string_view key, std::string_view why) const {
    std::ostringstream text;
    text << file_ << ':' << where.source().begin.line << ": tenant: " << key << ": " << why;
    throw std::runtime_error{text.str()};
  }

  void refuse_unknown() const {
    constexpr std::array known{
        "id",    "key_hashes", "default_class", "allowed_classes",    "allow_degraded", "weight", "requests_per_s",
        "burst", "operator",   "time_zone",     "webhook_secret_file"};
    for (const auto& [key, node] : table_)
      if (std::ranges::find(known, key.str()) == known.end() && !is_limit(key.str()) && !parse_job_class(key.str()))
        fail(node, key.str(), "no such key");
  }

  /// A path that does not begin at the root begins where the tenants file lies.
  std::string beside(const std::string& path) const {
    return path.empty() ? path : (std::filesystem::path{file_}.parent_path() / path).string();
  }

  static bool is_limit(std::string_view key) {
    return key == "queued_jobs_max" || key == "running_jobs_max" || key == "jobs_per_day" ||
           key == "gpu_seconds_per_day";
  }

  tenant_quota quota() const {
    auto q = usual_quota();
    read_limits(q.all);
    for (std::size_t c = 0; c < q.by_class.size(); ++c) {
      const auto name = to_string(static_cast<job_class>(c));
      auto* node = table_.get(name);
      if (!node) continue;
      if (!node->is_table()) fail(*node, name, "limits expected, like { jobs_per_day = 10 }");
      const tenant_reader own{*node->as_table(), file_};
      for (const auto& [key, value] : own.table_)
        if (!is_limit(key.str())) fail(value, key.str(), "no such limit of a class");
      own.read_limits(q.by_class[c]);
    }
    try {
      q.zone = time_zone::load(text("time_zone").value_or("UTC"));
    } catch (const std::runtime_error& why) {
      fail(*table_.get("time_zone"), "time_zone", why.what());
    }
    return q;
  }

  void read_limits(quota_limits& l) const {
    constexpr double most = 1e8;
    read_limit("queued_jobs_max", most, l.queued_jobs_max);
    read_limit("running_jobs_max", most, l.running_jobs_max);
    read_limit("jobs_per_day", most, l.jobs_per_day);
    if (table_.get("gpu_seconds_per_day"))
      l.gpu_time_per_day = std::chrono::milliseconds{std::llround(1000 * number("gpu_seconds_per_day", 0, 0, 1e9))};
  }

  void read_limit(std::string_view key, double most, std::optional<std::uint64_t>& limit) const {
    auto* node = table_.get(key);
    if (!node) return;
    limit = static_cast<std::uint64_t>(number(key, 0, 0, most));
    if (!node->is_integer()) fail(*node, key, "a whole number expected");
  }

  std::optional<std::string> text(std::string_view key) const {
    auto* node = table_.get(key);
    if (!node) return {};
    if (auto value = node->value_exact<std::string>()) return value;
    fail(*node, key, "a text expected");
  }

  bool flag(std::string_view key, bool otherwise) const {
    auto* node = table_.get(key);
    if (!node) return otherwise;
    if (auto value = node->value_exact<bool>()) return *value;
    fail(*node, key, "true or false expected");
  }

  double number(std::string_view key, double otherwise, double least, double most) const {
    auto* node = table_.get(key);
    if (!node) return otherwise;
    auto value = node->is_number() ? node->value<double>() : std::nullopt;
    if (value && *value >= least && *value <= most) return *value;
    std::ostringstream allowed;
    allowed << "a number from " << least << " to " << most << " expected";
    fail(*node, key, allowed.str());
  }

  job_class class_of(const toml::node& node, std::string_view key) const {
    auto name = node.value_exact<std::string>();
    auto value = name ? parse_job_class(*name) : std::nullopt;
    if (!value) fail(node, key, "urgent, vip, standard or free expected");
    return *value;
  }
  std::optional<job_class> one_class(std::string_view key) const {
    auto* node = table_.get(key);
    if (!node) return {};
    return class_of(*node, key);
  }

  std::vector<job_class> classes(const tenant& t) const {
    std::vector<job_class> allowed;
    auto* node = table_.get("allowed_classes");
    if (node && !node->is_array()) fail(*node, "allowed_classes", "a list of classes expected");
    if (!node)
      allowed = t.allowed_classes;
    else
      for (const auto& one : *node->as_array()) allowed.push_back(class_of(one, "allowed_classes"));
    auto& where = node ? *node : static_cast<const toml::node&>(table_);
    if (std::ranges::find(allowed, t.default_class) == allowed.end())
      fail(where, "allowed_classes", "must contain the default_class");
    if (!t.is_operator && std::ranges::find(allowed, job_class::urgent) != allowed.end())
      fail(where, "allowed_classes", "urgent is for operators only");
    return allowed;
  }

  std::vector<std::string> hashes() const {
    auto* node = table_.get("key_hashes");
    if (!node || !node->is_array() || node->as_array()->empty())
      fail(node ? *node : table_, "key_hashes", "a list of hashes expected, see `reelctl tenants`");
    std::vector<std::string> all;
    for (const auto& one : *node->as_array()) {
      auto value = one.value_exact<std::string>();
      std::array<std::uint8_t, 32> bytes;
      if (!value || !from_hex(*value, bytes.data(), bytes.size()))
        fail(one, "key_hashes", "64 lower-case hexadecimal digits expected (BLAKE2b-256 of a key, not the key)");
      all.push_back(std::move(*value));
    }
    return all;
  }

  const toml::table& table_;
  const std::string& file_;
};

} // namespace

std::vector<job_class> usual_classes() { return {job_class::standard, job_class::free}; }

tenant_quota usual_quota() { return {.all = {.queued_jobs_max = 10'000}, .by_class = {}, .zone = {}}; }

std::string make_api_key() {
  std::array<std::uint8_t, 32> random;
  os_random(random.data(), random.size());
  char text[64];
  sodium_bin2base64(text, sizeof text, random.data(), random.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  return std::string{"reel-"} + text;
}

std::string hash_api_key(std::string_view key) {
  auto hash = blake2b(key);
  return to_hex(hash.data(), hash.size());
}

tenant_directory tenant_directory::load(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) throw std::runtime_error{file + ": cannot be read: " + std::strerror(errno)};
  return parse(text.str(), file);
}

tenant_directory tenant_directory::parse(std::string_view text, const std::string& file) {
  toml::table root;
  try {
    root = toml::parse(text, file);
  } catch (const toml::parse_error& e) {
    std::ostringstream why;
    why << file << ':' << e.source().begin.line << ": " << e.description();
    throw std::runtime_error{why.str()};
  }
  auto* list = root.get_as<toml::array>("tenant");
  if (!list || list->empty() || !list->is_array_of_tables() || root.size() != 1)
    throw std::runtime_error{file + ": one or more [[tenant]] tables expected, and nothing else"};
  std::vector<tenant> tenants;
  for (const auto& node : *list) tenants.push_back(tenant_reader{*node.as_table(), file}.read());
  try {
    return tenant_directory{std::move(tenants)};
  } catch (const std::invalid_argument& e) {
    throw std::runtime_error{file + ": " + e.what()};
  }
}

tenant_directory::tenant_directory(std::vector<tenant> tenants) : tenants_{std::move(tenants)} {
  if (sodium_init() < 0) throw std::runtime_error{"libsodium cannot be used on this machine"};
  std::unordered_map<std::string, std::size_t> names;
  for (std::size_t i = 0; i < tenants_.size(); ++i) {
    tenants_[i].index = i;
    if (!names.emplace(tenants_[i].id.value, i).second)
      throw std::invalid_argument{"tenant '" + tenants_[i].id.value + "' is there twice"};
    for (const auto& text : tenants_[i].key_hashes) {
      hash h{};
      if (!from_hex(text, h.data(), h.size()) || !by_hash_.emplace(h, i).second)
        throw std::invalid_argument{"tenant '" + tenants_[i].id.value + "': a key hash is malformed or used twice"};
    }
  }
}

std::size_t tenant_directory::first_bytes::operator()(const hash& h) const {
  std::size_t first;
  std::memcpy(&first, h.data(), sizeof first);
  return first;
}

const tenant* tenant_directory::find(std::string_view key) const {
  auto found = by_hash_.find(blake2b(key.substr(0, key_bytes_max + 1)));
  return found == by_hash_.end() ? nullptr : &tenants_[found->second];
}

rate_limiter::rate_limiter(const std::vector<tenant>& tenants) : states_(tenants.size()) {
  for (const auto& t : tenants) buckets_.emplace_back(t.rate);
  for (auto& s : states_) s = token_bucket::full;
}

rate_decision rate_limiter::take(const tenant& who, instant now) {
  auto& state = states_[who.index];
  auto seen = state.load(std::memory_order_relaxed);
  const auto& bucket = buckets_[who.index];
  for (;;) {
    auto d = bucket.take(seen, now);
    if (!d.taken || state.compare_exchange_weak(seen, d.next))
      return {d.wait, bucket.left(d.next, now), bucket.full_in(d.next, now)};
  }
}

} // namespace reel
