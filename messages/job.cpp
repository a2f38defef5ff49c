#include "messages/job.hpp"

namespace reel {

std::string_view to_string(job_class c) {
  switch (c) {
  case job_class::urgent: return "urgent";
  case job_class::vip: return "vip";
  case job_class::standard: return "standard";
  case job_class::free: return "free";
  }
  return "unknown";
}

std::string_view to_string(job_state s) {
  switch (s) {
  case job_state::queued: return "queued";
  case job_state::leased: return "leased";
  case job_state::retry_wait: return "retry_wait";
  case job_state::succeeded: return "succeeded";
  case job_state::failed: return "failed";
  case job_state::cancelled: return "cancelled";
  case job_state::dead_letter: return "dead_letter";
  }
  return "unknown";
}

std::string_view to_string(sampler_kind s) {
  switch (s) {
  case sampler_kind::unipc: return "unipc";
  case sampler_kind::dpmpp: return "dpm++";
  case sampler_kind::euler: return "euler";
  }
  return "unknown";
}

std::string_view to_string(degrade_reason r) {
  switch (r) {
  case degrade_reason::none: return "none";
  case degrade_reason::breaker: return "breaker";
  case degrade_reason::overload: return "overload";
  case degrade_reason::resource: return "resource";
  case degrade_reason::retries: return "retries";
  }
  return "unknown";
}

std::optional<job_class> parse_job_class(std::string_view text) {
  for (auto c : {job_class::urgent, job_class::vip, job_class::standard, job_class::free})
    if (text == to_string(c)) return c;
  return {};
}

std::optional<sampler_kind> parse_sampler(std::string_view text) {
  for (auto s : {sampler_kind::unipc, sampler_kind::dpmpp, sampler_kind::euler})
    if (text == to_string(s)) return s;
  return {};
}

batch_key key_of(const render_params& p) {
  return {p.model, p.width, p.height, p.frames, p.steps, p.sampler, p.flow_shift, 0};
}

std::string to_string(const batch_key& k) {
  return k.model.value + ' ' + std::to_string(k.width) + 'x' + std::to_string(k.height) + 'x' +
         std::to_string(k.frames) + ' ' + std::to_string(k.steps) + ' ' + std::string{to_string(k.sampler)} +
         (k.steps_done == 0 ? "" : " from step " + std::to_string(k.steps_done)) +
         (k.batch_cap == 0 ? "" : " at most " + std::to_string(k.batch_cap));
}

} // namespace reel
