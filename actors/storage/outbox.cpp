#include "actors/storage/outbox.hpp"

namespace reel {

std::string delivery_id(const job_id& job, std::uint32_t generation) {
  return to_string(job) + '/' + std::to_string(generation);
}

/// No text in it needs escaping.
std::string outbox_body(const job_id& job, std::uint32_t generation, job_state state, wall_time at) {
  const bool completed = state == job_state::succeeded;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  return "{\"id\":\"" + delivery_id(job, generation) + "\",\"object\":\"event\",\"type\":\"video." +
         (completed ? "completed" : "failed") + "\",\"created_at\":" + std::to_string(seconds) +
         ",\"data\":{\"id\":\"" + to_string(job) + "\",\"status\":\"" + (completed ? "completed" : "failed") +
         "\",\"state\":\"" + std::string{to_string(state)} + "\",\"generation\":" + std::to_string(generation) + "}}";
}

} // namespace reel
