// job_filter.hpp: Which jobs an operator looks for, as a pure decision, for every back end of the ledger.
#pragma once

#include <algorithm>

#include "messages/operators.hpp"

namespace reel {

inline constexpr int find_jobs_rows_max = 5'000; ///< looked at for one page: some 20 ms

/// What is compared; `model` and `served` may be the same.
struct job_traits {
  job_id id;
  job_state state = job_state::queued;
  std::string_view tenant;
  job_class cls = job_class::standard;
  std::string_view model, served;
  batch_id batch;
};

inline bool matches(const find_jobs& m, const job_traits& j) {
  return (m.states.empty() || std::ranges::find(m.states, j.state) != m.states.end()) &&
         (m.tenant.value.empty() || m.tenant.value == j.tenant) && (!m.cls || *m.cls == j.cls) &&
         (m.model.value.empty() || m.model.value == j.model || m.model.value == j.served) &&
         (m.batch.is_nil() || m.batch == j.batch) && (!m.made_to || j.id.created_at() < *m.made_to);
}

/// Ids sort by when they were made: nothing behind this one matches either.
inline bool is_before_all(const find_jobs& m, const job_id& id) {
  return m.made_from && id.created_at() < *m.made_from;
}

/// What a list shows of a job: the rest would only travel.
inline job_record shown(job_record r) {
  constexpr std::size_t prompt_bytes = 400;
  auto& q = r.request;
  q.prompt_tokens.clear();
  q.negative_tokens.clear();
  q.negative_prompt.clear();
  q.metadata.clear();
  q.idempotency_key.clear();
  if (q.prompt.size() > prompt_bytes) {
    auto end = prompt_bytes;
    while (end > 0 && (static_cast<unsigned char>(q.prompt[end]) & 0xC0) == 0x80) --end; // not inside a character
    q.prompt.resize(end);
  }
  return r;
}

} // namespace reel
