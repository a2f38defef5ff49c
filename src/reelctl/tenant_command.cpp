// Adding a tenant: its block of the tenants file is written only when the gateway would read the whole of it.
#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <set>

#include "actors/delivery/webhook_secret.hpp"
#include "src/reelctl/commands.hpp"
#include "src/reelctl/table.hpp"
#include "src/reelctl/tenants_file.hpp"

namespace reel::ctl {

namespace {

constexpr std::array limit_names{"queued_jobs_max", "running_jobs_max", "jobs_per_day", "gpu_seconds_per_day"};

/// Of one class alone.
struct class_limit {
  std::string cls, name, number;
};

template <class Number> bool is_number_to(const std::string& text, Number most) {
  Number value{};
  const auto* end = text.data() + text.size();
  const auto [stop, bad] = std::from_chars(text.data(), end, value);
  return bad == std::errc{} && stop == end && value >= 0 && value <= most;
}

/// "free.jobs_per_day=10".
class_limit parse_class_limit(const std::string& text) {
  auto refuse = [&text](const std::string& allowed) {
    throw std::runtime_error{"--class-limit '" + printable(text, 60) + "': " + allowed};
  };
  const auto point = text.find('.'), equals = text.find('=');
  if (point == std::string::npos || equals == std::string::npos || equals < point)
    refuse("allowed is CLASS.LIMIT=NUMBER, like free.jobs_per_day=10");
  class_limit l{text.substr(0, point), text.substr(point + 1, equals - point - 1), text.substr(equals + 1)};
  if (!parse_job_class(l.cls)) refuse("the class is one of urgent, vip, standard, free");
  if (std::ranges::find(limit_names, l.name) == limit_names.end())
    refuse(fmt::format("the limit is one of {}", fmt::join(limit_names, ", ")));
  if (l.name == "gpu_seconds_per_day") {
    if (!is_number_to(l.number, 1e9)) refuse("the number is from 0 to 1000000000");
  } else if (!is_number_to<std::int64_t>(l.number, 100'000'000))
    refuse("the number is a whole one from 0 to 100000000");
  return l;
}

/// One line per class, as the tenants file has them.
std::string class_lines(const std::vector<std::string>& texts) {
  std::map<std::string, std::map<std::string, std::string>> by_class;
  for (const auto& text : texts) {
    const auto l = parse_class_limit(text);
    if (!by_class[l.cls].emplace(l.name, l.number).second)
      throw std::runtime_error{"--class-limit '" + text + "': " + l.cls + '.' + l.name + " is given twice"};
  }
  std::string lines;
  for (const auto& [cls, limits] : by_class) {
    std::vector<std::string> pairs;
    for (const auto& [name, number] : limits) pairs.push_back(name + " = " + number);
    lines += fmt::format("{} = {{ {} }}\n", cls, fmt::join(pairs, ", "));
  }
  return lines;
}

/// Those limits that were given.
std::string quota_lines(const tenant_options& o) {
  std::string lines;
  if (o.running_jobs_max) lines += fmt::format("running_jobs_max = {}\n", *o.running_jobs_max);
  if (o.jobs_per_day) lines += fmt::format("jobs_per_day = {}\n", *o.jobs_per_day);
  if (o.gpu_seconds_per_day) lines += fmt::format("gpu_seconds_per_day = {}\n", *o.gpu_seconds_per_day);
  if (!o.time_zone.empty()) lines += fmt::format("time_zone = \"{}\"\n", o.time_zone);
  if (!o.webhook_secret_file.empty())
    lines += fmt::format("webhook_secret_file = '{}'\n", std::filesystem::absolute(o.webhook_secret_file).string());
  return lines + class_lines(o.class_limits);
}

std::string tenant_block(const tenant_options& o, const std::string& key) {
  std::set<std::string> allowed{o.allowed.begin(), o.allowed.end()};
  allowed.insert({o.job_class, "free"});
  return fmt::format("[[tenant]]\nid = \"{}\"\nkey_hashes = [\"{}\"]\ndefault_class = \"{}\"\n"
                     "allowed_classes = [\"{}\"]\n{}queued_jobs_max = {}\nrequests_per_s = {}\nburst = {}\n{}\n",
                     o.id, hash_api_key(key), o.job_class, fmt::join(allowed, "\", \""),
                     allowed.contains("urgent") ? "operator = true\n" : "", o.queued_jobs_max, o.requests_per_s,
                     2 * o.requests_per_s, quota_lines(o));
}

} // namespace

int tenant_add(const tenant_options& o) {
  if (!is_valid_name(o.id)) throw std::runtime_error{"'" + o.id + "' is no tenant name: a-z 0-9 . _ -, at most 64"};
  if (!o.time_zone.empty()) time_zone::load(o.time_zone); // throws for one that is none
  const auto there = text_of(o.file);
  if (!there.empty()) {
    const auto known = tenant_directory::parse(there, o.file);
    if (std::ranges::find(known.tenants(), tenant_id{o.id}, &tenant::id) != known.tenants().end())
      throw std::runtime_error{o.file + ": tenant " + o.id + " is there already"};
  }
  const auto key = make_api_key();
  const auto block = (there.empty() || there.ends_with('\n') ? "" : "\n") + tenant_block(o, key);
  tenant_directory::parse(there + block, o.file); // throws for what a gateway would refuse

  if (!o.webhook_secret_file.empty()) {
    if (std::filesystem::exists(o.webhook_secret_file))
      throw std::runtime_error{o.webhook_secret_file + ": is there already"};
    write_private(o.webhook_secret_file, make_webhook_secret() + '\n');
  }
  write_private(o.file, there + block);
  if (o.key_file.empty())
    fmt::print("tenant {} added to {}\nIts key, shown only now: {}\n", o.id, o.file, key);
  else {
    write_private(o.key_file, key + '\n');
    fmt::print("tenant {} added to {}; its key is in {}\n", o.id, o.file, o.key_file);
  }
  return 0;
}

} // namespace reel::ctl
