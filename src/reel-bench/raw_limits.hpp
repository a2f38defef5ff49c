// raw_limits.hpp: What the machine itself can do, measured in the same run beside our own figures.
#pragma once

#include <string>

namespace reel::bench {

/// Rows of 300 bytes per second that 64 threads can each make durable one after the other in one file of
/// `dir`, when a committer writes what has gathered and calls fdatasync once for all: the ceiling of any
/// durable acceptance.
double group_commit_rows_per_s(const std::string& dir, double seconds);

/// Answers per second of our HTTP server to a load process with 64 connections, when it says 202 to
/// everything and does nothing else.
double bare_202_per_s();

} // namespace reel::bench
