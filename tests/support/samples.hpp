// samples.hpp: Small valid messages for tests, so that a test names only what it is about.
#pragma once

#include "messages/scheduler.hpp"

namespace reel::sample {

inline constexpr wall_time wall0{std::chrono::milliseconds{1'700'000'000'000}};

inline job_id job(std::uint64_t number, wall_time at = wall0) {
  job_id id;
  auto ms = at.time_since_epoch().count();
  for (int i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  id.bytes[6] = 0x70;
  id.bytes[8] = 0x80;
  for (int i = 0; i < 7; ++i) id.bytes[9 + i] = static_cast<std::uint8_t>(number >> (48 - 8 * i));
  return id;
}

inline batch_id batch(std::uint64_t number) {
  batch_id id;
  for (int i = 0; i < 8; ++i) id.bytes[8 + i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  return id;
}

inline batch_key key(std::int32_t width = 64, std::string model = "wan-small") {
  return {{std::move(model)}, width, 64, 17, 10, sampler_kind::unipc, 5.0f};
}

inline waiting_job waiting(std::uint64_t number, job_class cls = job_class::standard, batch_key k = key(),
                           wall_time at = wall0) {
  waiting_job w;
  w.id = job(number, at);
  w.tenant = {"acme"};
  w.cls = cls;
  w.key = std::move(k);
  return w;
}

inline worker_status ready_worker(std::string id = "workers-1/0", std::uint32_t credits = 2) {
  worker_status s;
  s.id = {std::move(id)};
  s.state = worker_state::ready;
  s.models = {{"wan-small"}, {"wan-tiny"}};
  s.credits = credits;
  return s;
}

inline workers_report report(std::vector<worker_status> workers, std::string node = "workers-1") {
  workers_report r;
  r.node = {std::move(node)};
  r.workers = std::move(workers);
  return r;
}

} // namespace reel::sample
