// catalogue.hpp: The rows of the fault catalogue that no plan runs, each with its reason. `reel-chaos --list` shows
// them; a test checks that every row is either here or in a plan.
#pragma once

#include <cstdint>
#include <string_view>

namespace reel::chaos {

inline constexpr std::int64_t catalogue_rows = 64;

struct left_out {
  std::int64_t row = 0;
  std::string_view fault, reason;
};

inline constexpr left_out rows_left_out[] = {
    {16, "bridge or ring partition",
     "worker nodes have no links to each other, and there is one control node: no ring can "
     "be cut"},
    {33, "write torn by a power cut",
     "needs a disk that forgets what was not synced: tests/storage/ledger_power_test.cpp has one, below SQLite"},
    {35, "bit flip in the ledger's file",
     "what stood there is lost with its only copy; that it is found and never served: "
     "tests/storage/ledger_damage_test.cpp"},
    {46, "object store answers 503 with Retry-After", "objects are kept in a folder; there is no object store to ask"},
    {48, "object store loses what it accepted", "likewise; every file is read back before its commit (row 45)"},
    {49, "PostgreSQL stopped", "the ledger is one SQLite file; there is no database server"},
    {50, "PostgreSQL connection killed during COMMIT", "likewise; an unknown outcome of a commit: rows 6 and 8"},
    {51, "RabbitMQ killed", "jobs come over HTTP alone; there is no broker"},
    {52, "consumer killed with a prefetch", "likewise"},
    {53, "broker's disk alarm", "likewise"},
    {54, "Redis stopped, flushed, wrong", "caches are in memory; there is no cache server"},
};

} // namespace reel::chaos
