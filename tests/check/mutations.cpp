#include "tests/check/mutations.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace reel::check {

namespace json = boost::json;

namespace {

using ob = observer_kind;
using lines = std::vector<json::object>;
using dice = std::mt19937_64;
using condition = std::function<bool(const json::object&)>;

std::string text(const json::object& line, const char* key) {
  const auto* value = line.if_contains(key);
  return value && value->is_string() ? std::string{value->as_string()} : "";
}
std::int64_t number(const json::object& line, const char* key, std::int64_t otherwise = 0) {
  const auto* value = line.if_contains(key);
  return value ? value->to_number<std::int64_t>() : otherwise;
}
bool is(const json::object& line, const char* what) { return text(line, "op") == what; }

/// Any of the lines that fit.
std::optional<std::size_t> pick(const lines& all, dice& random, const condition& fits) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (fits(all[i])) found.push_back(i);
  if (found.empty()) return {};
  return found[random() % found.size()];
}

json::object* find(made_history& h, ob file, dice& random, const condition& fits) {
  auto i = pick(h[file], random, fits);
  return i ? &h[file][*i] : nullptr;
}

bool set(json::object* line, const char* key, json::value value) {
  if (!line) return false;
  (*line)[key] = std::move(value);
  return true;
}

bool erase(made_history& h, ob file, dice& random, const condition& fits) {
  auto i = pick(h[file], random, fits);
  if (i) h[file].erase(h[file].begin() + static_cast<std::ptrdiff_t>(*i));
  return i.has_value();
}

condition op_is(const char* what) {
  return [what](const json::object& line) { return is(line, what); };
}

/// The last line of a job in the ledger: what follows cannot be upset.
bool is_last_of_job(const lines& all, std::size_t i) {
  auto job = text(all[i], "job");
  return std::none_of(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end(),
                      [&](const json::object& line) { return text(line, "job") == job; });
}

bool insert_commit(made_history& h, dice& random, bool under_old_fence) {
  auto& ledger = h[ob::ledger];
  auto i = pick(ledger, random, [&](const json::object& line) {
    return is(line, "commit") && (!under_old_fence || number(line, "fence") > 1);
  });
  if (!i) return false;
  auto second = ledger[*i];
  second["version"] = number(second, "version") + 1;
  if (under_old_fence) second["fence"] = number(second, "fence") - 1;
  ledger.insert(ledger.begin() + static_cast<std::ptrdiff_t>(*i) + 1, second);
  return true;
}

/// Another operation of a client, much later than all else.
void add_operation(made_history& h, json::object invoke, const char* type, json::object answer) {
  auto& client = h[ob::client];
  auto now = number(client.back(), "mono_ns") + 1'000'000'000;
  invoke["type"] = "invoke", invoke["process"] = 5000, invoke["mono_ns"] = now;
  answer["op"] = invoke["op"], answer["type"] = type, answer["process"] = 5000, answer["mono_ns"] = now + 1000;
  client.push_back(std::move(invoke));
  client.push_back(std::move(answer));
}

json::object* committed(made_history& h, dice& random) {
  std::set<std::string> there;
  for (const auto& line : h[ob::final])
    if (is(line, "object") && number(line, "gen") == 1) there.insert(text(line, "job"));
  return find(h, ob::ledger, random,
              [&](const json::object& line) { return is(line, "commit") && there.contains(text(line, "job")); });
}

bool ask_of_committed(made_history& h, dice& random, const char* what, const char* type, json::object answer) {
  const auto* commit = committed(h, random);
  if (!commit) return false;
  add_operation(h, {{"op", what}, {"tenant", text(*commit, "result_key").substr(2, 2)}, {"job", text(*commit, "job")}},
                type, std::move(answer));
  return true;
}

/// A job that waited over X when one of a lower or equal class, same shape, was granted without it: it came as urgent.
bool invert_classes(made_history& h, dice& random) {
  constexpr std::int64_t bound = 5'100'000'000;
  std::map<std::string, std::string> batches; // in which a job was first granted
  for (const auto& line : h[ob::ledger])
    if (is(line, "grant")) batches.emplace(text(line, "job"), text(line, "batch"));
  std::map<std::string, json::object*> waiting; // accepted and not yet granted
  std::map<std::string, std::string> shapes, classes;
  std::map<std::string, bool> allows; // a fallback: two kinds that share no batch
  std::vector<json::object*> found;
  bool breaker_open = false;
  for (auto& line : h[ob::ledger]) {
    auto job = text(line, "job");
    if (is(line, "breaker")) breaker_open = text(line, "state") == "open";
    if (is(line, "accept")) {
      waiting[job] = &line, shapes[job] = text(line, "shape"), classes[job] = text(line, "class");
      allows[job] = line.contains("allow_degraded") && line.at("allow_degraded").as_bool();
    }
    if (is(line, "grant")) waiting.erase(job);
    if (is(line, "end") || is(line, "remove")) waiting.erase(job);
    if (!is(line, "grant") || breaker_open || classes[job] == "urgent") continue;
    for (auto& [other, accept] : waiting)
      if (shapes[other] == shapes[job] && allows[other] == allows[job] && text(*accept, "tenant") != "t0" &&
          batches[other] != text(line, "batch") && number(line, "mono_ns") - number(*accept, "mono_ns") > bound)
        found.push_back(accept);
  }
  return !found.empty() && set(found[random() % found.size()], "class", "urgent");
}

bool cut_quota(made_history& h, dice&) {
  std::map<std::int64_t, std::int64_t> on_day;
  std::int64_t most = 0;
  json::object* limits = nullptr;
  for (auto& line : h[ob::ledger]) {
    if (is(line, "limits")) limits = &line;
    if (is(line, "accept") && text(line, "tenant") == "t0") most = std::max(most, ++on_day[number(line, "day")]);
  }
  return most > 0 && set(limits, "per_day_max", most - 1);
}

/// Its first execution ends, fails and begins again six times more; what the job did afterwards moves up.
bool run_too_often(made_history& h, dice& random) {
  auto& ledger = h[ob::ledger];
  auto i =
      pick(ledger, random, [](const json::object& line) { return is(line, "commit") && number(line, "gen") == 1; });
  if (!i) return false;
  auto commit = ledger[*i];
  auto job = text(commit, "job");
  auto grant = std::find_if(ledger.rbegin(), ledger.rend(), [&](const json::object& line) {
    return is(line, "grant") && text(line, "job") == job && number(line, "fence") == number(commit, "fence");
  });
  auto version = number(commit, "version"), fence = number(commit, "fence");
  lines more;
  for (int n = 0; n < 6; ++n) {
    json::object release{
        {"op", "release"}, {"job", job}, {"version", version++}, {"fence", fence++}, {"counted", true}};
    auto again = *grant;
    again["version"] = version++, again["fence"] = fence;
    for (auto* line : {&release, &again}) {
      (*line)["mono_ns"] = commit["mono_ns"], (*line)["position"] = commit["position"];
      more.push_back(*line);
    }
  }
  ledger[*i]["version"] = version, ledger[*i]["fence"] = fence;
  ledger.insert(ledger.begin() + static_cast<std::ptrdiff_t>(*i), more.begin(), more.end());
  return true;
}

bool cancel_a_success(made_history& h, dice& random) { return ask_of_committed(h, random, "cancel", "ok", {}); }

bool drop_release(made_history& h, dice& random) {
  auto& ledger = h[ob::ledger];
  auto i = pick(ledger, random, [&](const json::object& line) {
    return is(line, "release") && std::any_of(ledger.begin(), ledger.end(), [&](const json::object& other) {
             return is(other, "grant") && text(other, "job") == text(line, "job") &&
                    number(other, "version") == number(line, "version") + 1;
           });
  });
  if (i) ledger.erase(ledger.begin() + static_cast<std::ptrdiff_t>(*i));
  return i.has_value();
}

bool deliver_again(made_history& h, dice& random, const char* changed) {
  auto i = pick(h[ob::receiver], random, [](const json::object&) { return true; });
  if (!i) return false;
  auto copy = h[ob::receiver][*i];
  copy[changed] = "changed";
  h[ob::receiver].push_back(std::move(copy));
  return true;
}

bool never_deliver(made_history& h, dice& random) {
  const auto* taken = find(h, ob::receiver, random, [](const json::object& line) {
    return text(line, "event") == "completed" && line.at("accepted").as_bool();
  });
  if (!taken) return false;
  auto job = text(*taken, "job");
  for (const auto& line : h[ob::ledger])
    if (text(line, "job") == job && is(line, "remove")) return false; // nobody waits for it
  std::erase_if(h[ob::receiver], [&](const json::object& line) { return text(line, "job") == job; });
  return true;
}

bool end_again(made_history& h, dice& random) {
  auto& ledger = h[ob::ledger];
  for (int tries = 0; tries < 20; ++tries) {
    auto i = pick(ledger, random, op_is("commit"));
    if (!i) return false;
    if (!is_last_of_job(ledger, *i)) continue;
    ledger.push_back({{"op", "end"},
                      {"job", text(ledger[*i], "job")},
                      {"version", number(ledger[*i], "version") + 1},
                      {"state", "failed"},
                      {"position", 1'000'000},
                      {"mono_ns", number(ledger.back(), "mono_ns") + 1}});
    return true;
  }
  return false;
}

std::vector<mutation> mutations_of_results() {
  using enum invariant;
  return {
      {"an accepted job is gone at the end",
       {i1},
       [](auto& h, auto& r) { return erase(h, ob::final, r, op_is("job")); }},
      {"a job is not found any more",
       {i1},
       [](auto& h, auto& r) {
         return ask_of_committed(h, r, "read", "fail", {{"status", 404}});
       }},
      {"a commit twice", {i2}, [](auto& h, auto& r) { return insert_commit(h, r, false); }},
      {"a commit twice, under an older fence", {i2}, [](auto& h, auto& r) { return insert_commit(h, r, true); }},
      {"the object has other bytes",
       {i2},
       [](auto& h, auto& r) { return set(find(h, ob::final, r, op_is("object")), "result_sha", "changed"); }},
      {"the object is gone",
       {i2},
       [](auto& h, auto& r) {
         auto i = pick(h[ob::final], r, op_is("object"));
         if (!i || std::ranges::count_if(h[ob::final], op_is("object")) < 2) return false;
         h[ob::final].erase(h[ob::final].begin() + static_cast<std::ptrdiff_t>(*i));
         return true;
       }},
      {"a webhook twice, with another body", {i3}, [](auto& h, auto& r) { return deliver_again(h, r, "body_sha"); }},
      {"a webhook twice, under another id", {i3}, [](auto& h, auto& r) { return deliver_again(h, r, "delivery_id"); }},
      {"a webhook never", {i3}, never_deliver}};
}

std::vector<mutation> mutations_of_lines() {
  using enum invariant;
  return {
      {"a job runs what nobody submitted",
       {i4},
       [](auto& h, auto& r) { return set(find(h, ob::ledger, r, op_is("accept")), "payload_sha", "changed"); }},
      {"a delivery of no job", {i4}, [](auto& h, auto& r) { return deliver_again(h, r, "job"); }},
      {"a commit is not written down", {i5}, [](auto& h, auto& r) { return erase(h, ob::ledger, r, op_is("commit")); }},
      {"a grant is not written down", {i5}, [](auto& h, auto& r) { return erase(h, ob::ledger, r, op_is("grant")); }},
      {"a job ends twice", {i5}, end_again},
      {"the row says otherwise",
       {i5},
       [](auto& h, auto& r) { return set(find(h, ob::final, r, op_is("job")), "version", 99); }},
      {"a commit under an older fence", {i6}, [](auto& h, auto& r) {
         auto* commit = find(h, ob::ledger, r, op_is("commit"));
         return commit && set(commit, "fence", number(*commit, "fence") - 1);
       }}};
}

std::vector<mutation> mutations_of_bounds() {
  using enum invariant;
  return {{"a cancelled job succeeds", {i7}, cancel_a_success},
          {"a grant under an older term",
           {i8},
           [](auto& h, auto& r) { return set(find(h, ob::ledger, r, op_is("grant")), "term", 0); }},
          {"a term twice",
           {i8},
           [](auto& h, auto&) {
             auto first = h[ob::ledger].front();
             h[ob::ledger].insert(h[ob::ledger].begin() + 1, std::move(first));
             return true;
           }},
          {"a job runs too often", {i9}, run_too_often},
          {"a job runs twice at once", {i10}, drop_release},
          {"a daily quota is exceeded", {i11}, cut_quota},
          {"a tenant runs more than it may",
           {i11},
           [](auto& h, auto& r) {
             auto runs = [](const json::object& line) { return is(line, "grant") && text(line, "tenant") == "t0"; };
             return find(h, ob::ledger, r, runs) && set(find(h, ob::ledger, r, op_is("limits")), "running_max", 0);
           }},
          {"a charge too many", {i11}, [](auto& h, auto& r) {
             return set(find(h, ob::final, r, op_is("tenant")), "charged_ms", 1);
           }}};
}

std::vector<mutation> mutations_of_the_cluster() {
  using enum invariant;
  return {{"a lower class goes first", {i12}, invert_classes},
          {"a degraded job is called a normal one",
           {i13},
           [](auto& h, auto& r) {
             auto light = [](const json::object& line) { return text(line, "model") == "wan-light"; };
             return set(find(h, ob::ledger, r, light), "degraded", false);
           }},
          {"a job is degraded for nothing",
           {i13},
           [](auto& h, auto& r) {
             auto first = [](const json::object& line) { return is(line, "grant") && number(line, "fence") == 1; };
             auto* grant = find(h, ob::ledger, r, first); // what was degraded before needs no reason
             return set(grant, "reason", "mood") && set(grant, "degraded", true) && set(grant, "model", "wan-light");
           }},
          {"the queue drains too late",
           {i14},
           [](auto& h, auto& r) { return set(find(h, ob::nemesis, r, op_is("heal")), "mono_ns", 1); }},
          {"a node stays away", {i14}, [](auto& h, auto& r) {
             return set(find(h, ob::ledger, r, op_is("member")), "state", "down");
           }}};
}

std::vector<mutation> mutations_of_tenants() {
  using enum invariant;
  return {
      {"a result lies at another tenant",
       {i15},
       [](auto& h, auto& r) { return set(find(h, ob::ledger, r, op_is("commit")), "result_key", "t/other/j/x.mp4"); }},
      {"a delivery to another tenant", {i15}, [](auto& h, auto& r) { return deliver_again(h, r, "tenant"); }},
      {"an answer shows what is another tenant's",
       {i15},
       [](auto& h, auto& r) {
         auto answer = [](const json::object& line) { return line.contains("marker"); };
         return set(find(h, ob::client, r, answer), "marker", "changed");
       }},
      {"a later download has other bytes",
       {i16},
       [](auto& h, auto& r) {
         return ask_of_committed(h, r, "fetch", "ok", {{"result_sha", "changed"}});
       }},
      {"a result is gone", {i16}, [](auto& h, auto& r) {
         return ask_of_committed(h, r, "fetch", "fail", {{"status", 404}});
       }}};
}

} // namespace

const std::vector<mutation>& mutations() {
  static const auto all = [] {
    std::vector<mutation> joined;
    for (auto* group : {mutations_of_results, mutations_of_lines, mutations_of_bounds, mutations_of_the_cluster,
                        mutations_of_tenants})
      for (auto& m : group()) joined.push_back(std::move(m));
    return joined;
  }();
  return all;
}

} // namespace reel::check
