#include "messages/waiting.hpp"

#include "messages/prompt_theme.hpp"

namespace reel {

waiting_job waiting_job_of(const job_request& request, bool with_theme) {
  waiting_job w{request.id, request.tenant, request.cls, key_of(request.params), request.deadline};
  w.next_turn = request.is_final();
  if (with_theme) w.theme = theme_of(request.prompt_tokens);
  w.keeps_model = !request.allow_degraded;
  return w;
}

waiting_job waiting_job_of(const job_record& row, bool with_theme) {
  auto w = waiting_job_of(row.request, with_theme);
  w.state = row.state;
  w.generation = row.generation;
  w.fence = row.fence;
  w.attempts_used = row.attempts_used;
  w.not_before = row.not_before;
  w.cancel_requested = row.cancel_requested;
  w.batch = row.batch;
  w.worker = row.worker;
  w.recovery = row.recovery;
  return w;
}

} // namespace reel
