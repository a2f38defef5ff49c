// fault_text.hpp: What fault plans can tell jobs apart by at the points of rendering (runtime/fault/fault_point.hpp). A
// worker knows no prompts: a client marks a job by the seed that it gives, or by the tokens of its prompt.
#pragma once

#include "messages/worker.hpp"
#include "runtime/fault/fault_point.hpp"

namespace reel {

inline fault::circumstances circumstances_of(const run_job& job) {
  auto text = "job=" + to_string(job.id) + " seed=" + std::to_string(job.params.seed) + " tokens=";
  for (auto token : job.prompt_tokens) text += std::to_string(token) + ',';
  return {text + ' ', 1};
}

} // namespace reel
