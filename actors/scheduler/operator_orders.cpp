#include "actors/scheduler/operator_orders.hpp"

namespace reel {

namespace {

using result = outcome<operator_order, order_refusal>;

failed<order_refusal> refuse(std::string text, errc code = errc::invalid_argument) {
  return failed{order_refusal{code, std::move(text)}};
}

std::string quoted(const std::string& text) { return '\'' + text + '\''; }

result pause_of(const operate& m, const tenant_id& by) {
  if (!m.subject.empty() && !is_valid_name(m.subject))
    return refuse(quoted(m.subject) + " is no tenant name: allowed is a-z 0-9 . _ -, at most 64");
  return operator_order{set_pause{{m.subject}, m.kind == action_kind::pause, by}};
}

result breaker_of(const operate& m, const tenant_id& by) {
  for (auto order : {breaker_order::open, breaker_order::close, breaker_order::reset}) {
    if (to_string(order) != m.value) continue;
    const auto slash = m.subject.find('/');
    return operator_order{set_breaker{
        {m.subject.substr(0, slash)}, slash == std::string::npos ? "" : m.subject.substr(slash + 1), order, by}};
  }
  return refuse(quoted(m.value) + ": allowed are open, close and reset");
}

result class_of(const operate& m, const job_id& id) {
  const auto cls = parse_job_class(m.value);
  if (!cls) return refuse(quoted(m.value) + " is no class: allowed are urgent, vip, standard and free");
  if (*cls == job_class::urgent && m.why.empty())
    return refuse("a job becomes urgent for a reason only: it goes before all others, and is kept with who did it");
  return operator_order{reprioritise_job{{}, id, *cls}};
}

std::string names_of(const std::set<node_id>& nodes) {
  std::string all;
  for (const auto& n : nodes) all += (all.empty() ? "" : ", ") + n.value;
  return all;
}

/// A node with workers, or with `slot` one of its workers.
std::optional<order_refusal> no_place(const std::string& place, const std::set<node_id>& nodes) {
  const node_id node{place.substr(0, place.find('/'))};
  if (is_valid_place(place) && nodes.contains(node)) return {};
  return order_refusal{errc::not_found, quoted(place) + ": no such node with workers; there are " + names_of(nodes)};
}

} // namespace

outcome<operator_order, order_refusal> order_of(const operate& m, const node_id& who, const std::set<node_id>& nodes) {
  if (m.subject.size() > action_text_bytes_max || m.value.size() > action_text_bytes_max)
    return refuse("names are too long: allowed are " + std::to_string(action_text_bytes_max) + " bytes");
  if (m.why.size() > action_why_bytes_max)
    return refuse("the reason is too long: allowed are " + std::to_string(action_why_bytes_max) + " bytes");
  const tenant_id by{who.value};
  const auto job = parse_job_id(m.subject);
  switch (m.kind) {
  case action_kind::pause:
  case action_kind::resume: return pause_of(m, by);
  case action_kind::breaker: return breaker_of(m, by);
  case action_kind::reprioritise:
  case action_kind::cancel:
    if (!job) return refuse(quoted(m.subject) + " is no job id: allowed is video_ and 32 digits 0-9 a-f");
    if (m.kind == action_kind::cancel) return operator_order{cancel_job{{}, *job}};
    return class_of(m, *job);
  case action_kind::redrive: return refuse("jobs are redriven by their own message", errc::unsupported);
  case action_kind::evict:
  case action_kind::restart_slot:
  case action_kind::drain:
  case action_kind::undrain: break;
  }
  if (auto no = no_place(m.subject, nodes)) return failed{*no};
  const bool is_slot = m.subject.find('/') != std::string::npos;
  if (m.kind == action_kind::evict) {
    if (is_slot) return refuse(quoted(m.subject) + " is a worker: a whole node is evicted");
    return operator_order{evict_node{{m.subject}}};
  }
  if (m.kind == action_kind::restart_slot) {
    if (!is_slot) return refuse(quoted(m.subject) + ": allowed is NODE/SLOT, for example workers-1/0");
    return operator_order{restart_slot{{m.subject}}};
  }
  return operator_order{set_pause{{}, m.kind == action_kind::drain, by, m.subject}};
}

std::optional<order_refusal> refusal_of(action_kind kind, const node_id& who, operator_right right) {
  const auto needed = needed_for(kind);
  if (right >= needed) return {};
  return order_refusal{errc::forbidden, "the key " + quoted(who.value) + " is a " + std::string{to_string(right)} +
                                            "'s and may only look: " + std::string{to_string(kind)} + " takes an " +
                                            std::string{to_string(needed)} + "'s"};
}

operate describe(const set_pause& m) {
  return {m.paused ? action_kind::pause : action_kind::resume, m.tenant.value, {}, {}};
}

operate describe(const set_breaker& m) {
  const auto subject = m.model.value + (m.device.empty() ? "" : '/' + m.device);
  return {action_kind::breaker, subject, std::string{to_string(m.order)}, {}};
}

operate describe(const redrive_jobs& m) {
  operate o{action_kind::redrive, {}, {}, m.reason};
  if (m.jobs.size() == 1)
    o.subject = to_string(m.jobs.front());
  else
    o.subject = std::to_string(m.jobs.size()) + " jobs";
  return o;
}

} // namespace reel
