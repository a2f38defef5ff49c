// Keys of tenants, in the tenants file on this machine. Only hashes of keys are kept: a key is shown once.
#include <algorithm>
#include <fmt/format.h>

#include "src/reelctl/cluster_link.hpp"
#include "src/reelctl/commands.hpp"
#include "src/reelctl/question.hpp"
#include "src/reelctl/table.hpp"
#include "src/reelctl/tenants_file.hpp"
#include "src/reelctl/terminal.hpp"
#include "src/reelctl/words.hpp"

namespace reel::ctl {

namespace json = boost::json;

namespace {

constexpr std::size_t keys_max = 16; ///< of one tenant: more were forgotten, not needed

std::string short_hash(const std::string& hash) { return hash.substr(0, 12); }

const std::string& file_of(const cluster_options& o) { return o.link->config(o).gateway.tenants_file; }

tenant find_tenant(const tenant_directory& all, const std::string& id) {
  std::vector<std::string> names;
  for (const auto& t : all.tenants()) {
    if (t.id.value == id) return t;
    names.push_back(t.id.value);
  }
  throw std::runtime_error{"there is no tenant '" + printable(id, 60) + "'" + did_you_mean(id, names)};
}

void change_keys(const std::string& file, const tenant& who, const std::vector<std::string>& key_hashes) {
  write_private(file, with_keys(text_of(file), file, who.id, key_hashes));
}

int show_new(const cluster_options& o, const tenant& who, const std::string& key, const std::string& key_file,
             const char* what) {
  if (!key_file.empty()) write_private(key_file, key + '\n');
  if (o.json)
    fmt::print("{}\n", json::serialize(json::object{{"tenant", who.id.value},
                                                    {"hash", short_hash(hash_api_key(key))},
                                                    {"key", key_file.empty() ? json::value(key) : json::value{}}}));
  else
    fmt::print("{}: {}; gateways know it within a second\n{}\n", who.id.value, what,
               key_file.empty() ? "The key, shown only now: " + key : "The key is in " + key_file);
  return 0;
}

} // namespace

int list_keys(const cluster_options& o, const std::string& tenant_name) {
  const auto all = tenant_directory::load(file_of(o));
  if (!tenant_name.empty()) find_tenant(all, tenant_name);
  table_rows rows{{"TENANT", "KEY"}};
  json::array list;
  for (const auto& t : all.tenants())
    for (const auto& hash : t.key_hashes) {
      if (!tenant_name.empty() && t.id.value != tenant_name) continue;
      rows.push_back({t.id.value, short_hash(hash)});
      list.push_back(json::object{{"tenant", t.id.value}, {"hash", short_hash(hash)}});
    }
  fmt::print("{}", o.json ? json::serialize(json::object{{"keys", std::move(list)}}) + '\n'
                          : format_table(rows, terminal::table_columns()));
  return 0;
}

int add_key(const cluster_options& o, const key_options& k) {
  const auto& file = file_of(o);
  const auto who = find_tenant(tenant_directory::load(file), k.tenant);
  if (who.key_hashes.size() >= keys_max)
    throw std::runtime_error{
        fmt::format("{} has {} keys already: revoke what is not used any more", k.tenant, keys_max)};
  const auto key = make_api_key();
  auto hashes = who.key_hashes;
  hashes.push_back(hash_api_key(key));
  change_keys(file, who, hashes);
  return show_new(o, who, key, k.key_file, "has one more key");
}

int rotate_key(const cluster_options& o, const key_options& k) {
  const auto& file = file_of(o);
  const auto who = find_tenant(tenant_directory::load(file), k.tenant);
  const auto what =
      fmt::format("the {} of {} stop to work at once", who.key_hashes.size() == 1 ? "key" : "keys", k.tenant);
  if (auto code = declined(what, k.yes)) return *code;
  const auto key = make_api_key();
  change_keys(file, who, {hash_api_key(key)});
  return show_new(o, who, key, k.key_file, "has a new key, and no other");
}

int revoke_key(const cluster_options& o, const key_options& k) {
  const auto& file = file_of(o);
  const auto who = find_tenant(tenant_directory::load(file), k.tenant);
  auto hashes = who.key_hashes;
  const auto gone = std::erase_if(hashes, [&k](const auto& hash) { return hash.starts_with(k.hash); });
  if (gone != 1)
    throw std::runtime_error{fmt::format("{} keys of {} begin with '{}': `reelctl keys {}` shows them", gone, k.tenant,
                                         printable(k.hash, 60), k.tenant)};
  if (hashes.empty())
    throw std::runtime_error{"it is the only key of " + k.tenant + ": rotate it, or take the tenant out of " + file};
  if (auto code = declined("who uses this key is refused at once: revoking it", k.yes)) return *code;
  change_keys(file, who, hashes);
  fmt::print("{}",
             o.json ? json::serialize(json::object{{"tenant", k.tenant}, {"left", hashes.size()}}) + '\n'
                    : fmt::format("{}: revoked, {} left; gateways know it within a second\n", k.tenant, hashes.size()));
  return 0;
}

} // namespace reel::ctl
