// job_words.hpp: What several commands say about jobs.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "messages/dead_letters.hpp"
#include "src/reelctl/commands.hpp"

namespace reel::ctl {

job_id parse_job(const std::string& text); ///< throws std::runtime_error that says what is allowed
std::string age_of(wall_time t);
std::int64_t seconds_of(wall_time t);

boost::json::object json_of(const job_inspection& i);
void print_inspection(const job_inspection& i);

/// As its tenant sees it, over HTTP.
int list_jobs_of_tenant(const common_options& c, const jobs_options& o);
int show_job_of_tenant(const common_options& c, const std::string& id);

} // namespace reel::ctl
