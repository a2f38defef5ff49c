// api/line_object.hpp: What operators and the dashboard are shown beside videos, as JSON: the line at a glance, a job's
// timeline, circuit breakers, pauses. Pure.
#pragma once

#include "actors/gateway/api/json_writer.hpp"
#include "actors/gateway/line.hpp"

namespace reel {

void write_overview(json_writer& json, const line_overview& o);
void write_breaker(json_writer& json, const breaker_status& b);
void write_pause(json_writer& json, const queue_pause& p);

/// Who ran it and who gave orders is for operators.
void write_timeline(json_writer& json, const job_story& s, bool to_operator);

} // namespace reel
