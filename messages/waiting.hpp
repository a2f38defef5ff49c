// waiting.hpp: What the scheduler is told of a job: of a request that was just accepted, and of a row of the ledger.
// Pure functions.
#pragma once

#include "messages/storage.hpp"

namespace reel {

/// Without its theme the scheduler takes its prompt for unlike any other.
waiting_job waiting_job_of(const job_request& request, bool with_theme = true);
waiting_job waiting_job_of(const job_record& row, bool with_theme = true);

} // namespace reel
