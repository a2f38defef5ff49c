// Orders to the line: over HTTP with a tenant's key where a tenant may give them, else over the link, where they are
// written to the audit log.
#include <fmt/format.h>

#include "src/reelctl/ask_control.hpp"
#include "src/reelctl/question.hpp"
#include "src/reelctl/table.hpp"
#include "src/reelctl/words.hpp"

namespace reel::ctl {

namespace json = boost::json;

namespace {

/// What a tenant may do with its key; the code, or nothing where the link is the way.
std::optional<int> over_http(const common_options& c, action_kind kind, const order_options& o) {
  if (c.api.key.empty()) return {};
  const auto subject = o.subjects.empty() ? std::string{} : o.subjects.front();
  switch (kind) {
  case action_kind::cancel: return cancel(c, o.subjects);
  case action_kind::reprioritise: return reprioritise(c, subject, o.value);
  case action_kind::pause:
  case action_kind::resume: return set_pause(c, subject, kind == action_kind::pause);
  case action_kind::breaker: return order_breaker(c, subject, o.value);
  default: return {};
  }
}

/// Names that are there, for a hint.
std::vector<std::string> names_for(const cluster_options& l, action_kind kind) {
  std::vector<std::string> all;
  const bool fleet = kind == action_kind::drain || kind == action_kind::undrain || kind == action_kind::evict ||
                     kind == action_kind::restart_slot;
  for (const auto& n : l.link->config(l).nodes) {
    if (!fleet || !n.has(node_role::workers)) continue;
    if (kind != action_kind::restart_slot) all.push_back(n.id.value);
    for (int slot = 0; slot < n.slots && kind != action_kind::evict; ++slot)
      all.push_back(n.id.value + '/' + std::to_string(slot));
  }
  if (kind == action_kind::breaker)
    for (const auto& m : l.link->config(l).models) all.push_back(m.profile.id.value);
  return all;
}

int give_one(const cluster_options& l, const operate& m) {
  const auto a = ask_control<operate_answer>(l, m, false);
  if (l.json)
    fmt::print(
        "{}\n",
        json::serialize(json::object{
            {"what", to_string(m.kind)}, {"subject", m.subject}, {"code", to_string(a.code)}, {"text", a.text}}));
  else if (a.code == errc::ok)
    fmt::print("{}\n", printable(a.text, 500));
  else {
    const auto hint = a.code == errc::not_found ? did_you_mean(m.subject, names_for(l, m.kind)) : std::string{};
    fmt::print(stderr, "reelctl: {}{}\n", printable(a.text, 500), hint);
  }
  return a.code == errc::ok ? 0 : exit_failed;
}

} // namespace

int give_order(const common_options& c, const cluster_options& l, action_kind kind, const order_options& o) {
  if (auto code = over_http(c, kind, o)) return *code;
  auto subjects = o.subjects;
  if (subjects.empty()) subjects.emplace_back();
  auto why = o.why;
  if (kind == action_kind::reprioritise && o.value == "urgent" && why.empty() && person_is_there())
    why = ask_person("why is it urgent? ").value_or("");
  if (is_destructive(kind)) {
    std::string names;
    for (const auto& s : subjects) names += ' ' + printable(s, 80);
    if (auto code = declined(std::string{to_string(kind)} + names, o.yes)) return *code;
  }
  int code = 0;
  for (const auto& s : subjects)
    if (const int one = give_one(l, {kind, s, o.value, why}); one != 0) code = one;
  return code;
}

} // namespace reel::ctl
