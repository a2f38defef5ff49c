// trace_events.hpp: A job's lines of the audit log (src/reel-check/HISTORY.md) as a trace that chrome://tracing and
// ui.perfetto.dev show: what it waited for, and for each execution the grant, the encoding, every step, the decoding,
// the upload and the commit, on the worker that ran it. Pure.
//
// The ledger knows when an execution was granted and when its end was written, and what each stage took; not when a
// stage began. Stages are drawn one after the other up to the end, steps as equal parts of their time.
#pragma once

#include <string>
#include <vector>

namespace reel::ctl {

/// The lines of one job in order of their versions. Throws std::runtime_error for what is no such line, or for none.
std::string trace_of_history(const std::vector<std::string>& lines);

} // namespace reel::ctl
