#include "actors/storage/storage_metrics.hpp"

#include <array>

#include "runtime/observe/metric_families.hpp"

namespace reel {

namespace {

const prometheus::Histogram::BucketBoundaries seconds_buckets{0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03,
                                                              0.1,    0.3,    1,     3,     10,   30};
const prometheus::Histogram::BucketBoundaries size_buckets{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};

constexpr std::array<const char*, 3> call_names{"put", "read", "delete"}; ///< by store_call

} // namespace

struct storage_metrics::families {
  std::shared_ptr<prometheus::Registry> registry;
  prometheus::Histogram &commit, &read, &commit_operations;
  prometheus::Gauge &waiting_writes, &waiting_reads, &ledger_bytes;
  counters& errors;
  std::array<prometheus::Histogram*, 3> calls{};
  std::array<prometheus::Counter*, 3> bytes{};
};

storage_metrics::storage_metrics(const std::shared_ptr<prometheus::Registry>& registry) {
  auto& r = *registry;
  auto& waiting =
      gauge_family(r, "reel_ledger_waiting_operations", "Operations that wait for the ledger's writer or reader.");
  families_.reset(new families{
      registry,
      histogram_family(r, "reel_ledger_commit_seconds", "Time of a transaction of the ledger, until the disk has it.")
          .Add({}, seconds_buckets),
      histogram_family(r, "reel_ledger_read_seconds", "Time of a group of reads of the ledger.")
          .Add({}, seconds_buckets),
      histogram_family(r, "reel_ledger_commit_operations", "Operations that shared a transaction.")
          .Add({}, size_buckets),
      waiting.Add({{"for", "writer"}}),
      waiting.Add({{"for", "reader"}}),
      gauge_family(r, "reel_ledger_bytes", "Size of the ledger's file.").Add({}),
      counter_family(r, "reel_object_errors_total", "Calls of the object store that failed, by call and code."),
  });
  auto& calls = histogram_family(r, "reel_object_call_seconds", "Time of a call of the object store.");
  auto& bytes =
      counter_family(r, "reel_object_bytes_total", "Bytes written to and read from the object store, by call.");
  for (std::size_t i = 0; i < call_names.size(); ++i) {
    families_->calls[i] = &calls.Add({{"call", call_names[i]}}, seconds_buckets);
    families_->bytes[i] = &bytes.Add({{"call", call_names[i]}});
  }
}

storage_metrics::~storage_metrics() = default;

void storage_metrics::ledger(const ledger_group& g) {
  const auto seconds = std::chrono::duration<double>(g.took).count();
  if (!g.is_write) return families_->read.Observe(seconds);
  families_->commit.Observe(seconds);
  families_->commit_operations.Observe(static_cast<double>(g.operations));
}

void storage_metrics::objects(store_call what, errc code, std::chrono::nanoseconds took, std::uint64_t bytes) {
  const auto i = static_cast<std::size_t>(what);
  families_->calls.at(i)->Observe(std::chrono::duration<double>(took).count());
  families_->bytes.at(i)->Increment(static_cast<double>(bytes));
  if (code != errc::ok)
    families_->errors.Add({{"call", call_names.at(i)}, {"code", std::string{to_string(code)}}}).Increment();
}

void storage_metrics::ledger_state(std::size_t waiting_writes, std::size_t waiting_reads, std::uint64_t file_bytes) {
  families_->waiting_writes.Set(static_cast<double>(waiting_writes));
  families_->waiting_reads.Set(static_cast<double>(waiting_reads));
  families_->ledger_bytes.Set(static_cast<double>(file_bytes));
}

} // namespace reel
