#include "src/reel-check/format.hpp"

#include <algorithm>

namespace reel::check {

namespace {

constexpr std::string_view observers[] = {"nemesis", "ledger", "client", "receiver", "final"};
constexpr std::string_view phases[] = {"none", "invoke", "ok", "fail", "info"};
constexpr std::string_view classes[] = {"urgent", "vip", "standard", "free"};
constexpr std::string_view events[] = {"completed", "failed"};
constexpr std::string_view states[] = {"queued",      "leased", "retry_wait", "succeeded", "failed", "cancelled",
                                       "dead_letter", "up",     "suspect",    "down",      "left",   "open",
                                       "half_open",   "closed", "begun",      "ended"};

template <std::size_t N> constexpr field_rule choice(std::string_view name, const std::string_view (&list)[N]) {
  return {name, field_kind::choice, list, N};
}
constexpr field_rule text(std::string_view name) { return {name, field_kind::text}; }
constexpr field_rule number(std::string_view name) { return {name, field_kind::number}; }
constexpr field_rule flag(std::string_view name) { return {name, field_kind::flag}; }

/// In the order of `field`.
constexpr std::array<field_rule, fields_count> field_rules{
    text("op"), number("mono_ns"), choice("type", phases), number("process"), number("position"), number("lines"),
    //
    number("format"), choice("observer", observers), text("clock"), number("offset_ns"), number("error_ns"),
    //
    text("job"), text("tenant"), text("idem_key"), text("payload_sha"), choice("class", classes), text("model"),
    text("shape"), flag("allow_degraded"), number("deadline_ns"), flag("push"), number("day"),
    //
    number("gen"), number("version"), number("fence"), number("term"), text("worker"), text("batch"), flag("degraded"),
    text("reason"), number("step"), text("cause"), flag("counted"), number("not_before_ns"), number("gpu_ms"),
    number("charged_ms"), text("result_key"), text("result_sha"), choice("state", states),
    //
    text("node"), number("running_max"), number("per_day_max"), flag("on"), text("device"),
    //
    number("status"), text("marker"), text("delivery_id"), text("body_sha"), choice("event", events), flag("accepted"),
    //
    text("fault"), text("kind"), text("target"), text("proof")};
static_assert(field_rules.back().name == "proof");

constexpr std::uint32_t one(state s) { return 1u << static_cast<unsigned>(s); }
constexpr std::uint32_t range(state first, state last) {
  std::uint32_t all = 0;
  for (auto s = static_cast<unsigned>(first); s <= static_cast<unsigned>(last); ++s) all |= 1u << s;
  return all;
}
constexpr auto job_states = range(state::queued, state::dead_letter);

using st = state;

namespace lines_of_files { // where the bare names are fields

using enum field;
using ob = observer_kind;
constexpr auto timed = bit(mono_ns);
constexpr auto ledger_line = bits(mono_ns, position);                   // of the cluster
constexpr auto job_line = bits(mono_ns, position, field::job, version); // of a job
constexpr auto begin = bits(mono_ns, process);
constexpr auto answer = bits(mono_ns, process);

constexpr line_rule rules[] = {
    {op::history, phase::none, "history", ob::count, bits(format, observer, clock), bits(offset_ns, error_ns)},
    {op::close, phase::none, "close", ob::count, bit(lines)},

    {op::fault, phase::none, "fault", ob::nemesis, timed | bits(field::fault, field::state),
     bits(kind, target, proof, reason), range(st::begun, st::ended)},
    {op::heal, phase::none, "heal", ob::nemesis, timed},
    {op::drained, phase::none, "drained", ob::nemesis, timed},

    {op::accept, phase::none, "accept", ob::ledger, job_line | bits(field::tenant, idem_key, payload_sha, cls, model),
     bits(shape, allow_degraded, deadline_ns, push, day)},
    {op::grant, phase::none, "grant", ob::ledger, job_line | bits(fence, term, field::worker, batch, model),
     bits(gen, degraded, reason, field::tenant, cls)},
    {op::progress, phase::none, "progress", ob::ledger, ledger_line | bits(field::job, fence), bits(gen, step)},
    {op::cancel_request, phase::none, "cancel_request", ob::ledger, job_line},
    {op::release, phase::none, "release", ob::ledger, job_line | bits(fence, counted),
     bits(gen, cause, not_before_ns, gpu_ms)},
    {op::commit, phase::none, "commit", ob::ledger, job_line | bits(fence, result_key, result_sha),
     bits(gen, field::tenant, gpu_ms, charged_ms)},
    {op::end, phase::none, "end", ob::ledger, job_line | bits(field::state), bits(gen, fence, cause, counted, gpu_ms),
     range(st::failed, st::dead_letter)},
    {op::remove, phase::none, "remove", ob::ledger, job_line},
    {op::reprioritise, phase::none, "reprioritise", ob::ledger, job_line | bit(cls)},
    {op::redrive, phase::none, "redrive", ob::ledger, job_line | bit(gen)},
    {op::refuse, phase::none, "refuse", ob::ledger, ledger_line | bits(field::job, fence), bits(gen, cause)},
    {op::leader, phase::none, "leader", ob::ledger, ledger_line | bits(term, node)},
    {op::member, phase::none, "member", ob::ledger, ledger_line | bits(node, field::state), 0, range(st::up, st::left)},
    {op::worker, phase::none, "worker", ob::ledger, ledger_line | bits(field::worker, field::state), 0,
     one(st::up) | one(st::down)},
    {op::breaker, phase::none, "breaker", ob::ledger, ledger_line | bits(model, field::state), bit(device),
     range(st::open, st::closed)},
    {op::overload, phase::none, "overload", ob::ledger, ledger_line | bit(on)},
    {op::limits, phase::none, "limits", ob::ledger, ledger_line | bit(field::tenant), bits(running_max, per_day_max)},

    {op::submit, phase::invoke, "submit", ob::client, begin | bits(field::tenant, idem_key, payload_sha),
     bits(cls, model, allow_degraded)},
    {op::submit, phase::ok, "submit", ob::client, answer | bit(field::job), bits(status, marker)},
    {op::submit, phase::fail, "submit", ob::client, answer, bits(status, marker)},
    {op::submit, phase::info, "submit", ob::client, answer},
    {op::read, phase::invoke, "read", ob::client, begin | bits(field::tenant, field::job)},
    {op::read, phase::ok, "read", ob::client, answer | bit(field::state),
     bits(version, gen, result_sha, degraded, status, marker), job_states},
    {op::read, phase::fail, "read", ob::client, answer, bits(status, marker)},
    {op::read, phase::info, "read", ob::client, answer},
    {op::fetch, phase::invoke, "fetch", ob::client, begin | bits(field::tenant, field::job)},
    {op::fetch, phase::ok, "fetch", ob::client, answer | bit(result_sha), bits(gen, status, marker)},
    {op::fetch, phase::fail, "fetch", ob::client, answer, bits(status, marker)},
    {op::fetch, phase::info, "fetch", ob::client, answer},
    {op::cancel, phase::invoke, "cancel", ob::client, begin | bits(field::tenant, field::job)},
    {op::cancel, phase::ok, "cancel", ob::client, answer, bits(version, status, marker)},
    {op::cancel, phase::fail, "cancel", ob::client, answer, bits(status, marker)},
    {op::cancel, phase::info, "cancel", ob::client, answer},
    {op::erase, phase::invoke, "delete", ob::client, begin | bits(field::tenant, field::job)},
    {op::erase, phase::ok, "delete", ob::client, answer, bits(status, marker)},
    {op::erase, phase::fail, "delete", ob::client, answer, bits(status, marker)},
    {op::erase, phase::info, "delete", ob::client, answer},

    {op::deliver, phase::none, "deliver", ob::receiver,
     timed | bits(field::tenant, field::job, delivery_id, body_sha, field::event, accepted), bits(gen, marker)},

    {op::job, phase::none, "job", ob::final, bits(field::job, field::tenant, field::state, version),
     bits(gen, result_sha, degraded), job_states},
    {op::object, phase::none, "object", ob::final, bits(field::job, fence, result_key, result_sha), bit(gen)},
    {op::tenant, phase::none, "tenant", ob::final, bits(field::tenant, charged_ms)},
};

} // namespace lines_of_files

} // namespace

std::string_view to_string(observer_kind k) { return observers[static_cast<std::size_t>(k)]; }
std::string_view to_string(state s) { return states[static_cast<std::size_t>(s)]; }
const field_rule& rule_of(field f) { return field_rules[static_cast<std::size_t>(f)]; }

const line_rule* find_rule(std::string_view name, phase when) {
  auto fits = [&](const line_rule& r) { return r.when == when && r.name == name; };
  auto found = std::ranges::find_if(lines_of_files::rules, fits);
  return found == std::end(lines_of_files::rules) ? nullptr : &*found;
}

} // namespace reel::check
