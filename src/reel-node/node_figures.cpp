#include "src/reel-node/node_figures.hpp"

#include <sys/statvfs.h>

#include "runtime/observe/log.hpp"
#include "runtime/observe/metric_families.hpp"
#include "runtime/observe/process_stats.hpp"

namespace reel {

namespace {

/// Somebody else counts; the counter here follows.
void follow(prometheus::Counter& c, double now) {
  if (now > c.Value()) c.Increment(now - c.Value());
}

std::string text_of(const std::set<node_role>& roles) {
  std::string text;
  for (auto r : roles) text += (text.empty() ? "" : ",") + to_string(r);
  return text;
}

const prometheus::Histogram::BucketBoundaries answer_buckets{0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3};

} // namespace

struct node_figures::families {
  std::shared_ptr<prometheus::Registry> registry;
  prometheus::Gauge& ready;
  prometheus::Counter& cpu;
  prometheus::Gauge &resident, &open_files, &open_files_max, &threads, &started;
  counters& log_lines;
  counters &frames, &bytes, &retransmitted, &dropped, &refused, &reconnects;
  gauges& peer_state;
  prometheus::Gauge &disk_free, &disk_size;
  histograms& answers;
  gauges& gateway_calls;
};

node_figures::node_figures(const std::shared_ptr<prometheus::Registry>& registry, const node_facts& facts) {
  auto& r = *registry;
  std::uint8_t epoch[8];
  for (int i = 0; i < 8; ++i) epoch[i] = static_cast<std::uint8_t>(facts.epoch.value >> (56 - 8 * i));
  gauge_family(r, "reel_build_info", "Always 1: which build plays which roles here, and the epoch of its process.")
      .Add({{"version", REEL_VERSION},
            {"node", facts.id.value},
            {"roles", text_of(facts.roles)},
            {"epoch", to_hex(epoch, sizeof epoch)}})
      .Set(1);
  const prometheus::Labels folder{{"folder", facts.data_dir}};
  families_.reset(new families{
      registry,
      gauge_family(r, "reel_node_ready", "1 while nothing speaks against this node's doing its part; see its /readyz.")
          .Add({}),
      counter_family(r, "process_cpu_seconds_total", "User and system time of this process.").Add({}),
      gauge_family(r, "process_resident_memory_bytes", "Memory that this process has in use.").Add({}),
      gauge_family(r, "process_open_fds", "Open file descriptors.").Add({}),
      gauge_family(r, "process_max_fds", "File descriptors that this process may have open.").Add({}),
      gauge_family(r, "process_threads", "Threads of this process.").Add({}),
      gauge_family(r, "process_start_time_seconds", "When this process started, in seconds since 1970.").Add({}),
      counter_family(r, "reel_log_lines_total", "Lines logged, by level."),
      counter_family(r, "reel_link_frames_total", "Frames of a link, by direction."),
      counter_family(r, "reel_link_bytes_total", "Bytes of a link, by direction."),
      counter_family(r, "reel_link_retransmitted_total", "Packets sent again."),
      counter_family(r, "reel_link_dropped_total", "Frames received and dropped, by reason."),
      counter_family(r, "reel_link_refused_total", "Connections and greetings that were not believed, by reason."),
      counter_family(r, "reel_link_reconnects_total", "Connections made or accepted again."),
      gauge_family(r, "reel_link_peer_state",
                   "Another node as this one sees it: 0 connecting, 1 up, 2 suspect, 3 down."),
      gauge_family(r, "reel_disk_free_bytes", "Free space where this node keeps its data.").Add(folder),
      gauge_family(r, "reel_disk_size_bytes", "Size of the file system where this node keeps its data.").Add(folder),
      histogram_family(r, "reel_actor_answer_seconds",
                       "Time until an actor of this node answered its observer: grows with what waits in its mailbox."),
      gauge_family(r, "reel_gateway_open_calls", "Calls of HTTP requests to the line that have no answer yet."),
  });
  families_->started.Set(read_process_stats().started_unix_s);
}

node_figures::~node_figures() = default;

void node_figures::ready(bool is_ready) { families_->ready.Set(is_ready ? 1 : 0); }

void node_figures::process() {
  const auto s = read_process_stats();
  follow(families_->cpu, s.cpu_s);
  families_->resident.Set(static_cast<double>(s.resident_bytes));
  families_->open_files.Set(static_cast<double>(s.open_files));
  families_->open_files_max.Set(static_cast<double>(s.open_files_max));
  families_->threads.Set(static_cast<double>(s.threads));
}

void node_figures::log() {
  using log::level;
  for (auto [l, name] : {std::pair{level::info, "info"}, {level::warn, "warn"}, {level::error, "error"}})
    follow(families_->log_lines.Add({{"level", name}}), static_cast<double>(log::lines_written(l)));
}

void node_figures::link(const std::string& name, const link_counters& now) {
  auto& f = *families_;
  auto set = [&name](counters& family, const char* label, const char* value, std::uint64_t count) {
    follow(family.Add({{"link", name}, {label, value}}), static_cast<double>(count));
  };
  set(f.frames, "direction", "sent", now.frames_sent);
  set(f.frames, "direction", "received", now.frames_received);
  set(f.bytes, "direction", "sent", now.bytes_sent);
  set(f.bytes, "direction", "received", now.bytes_received);
  set(f.dropped, "reason", "duplicate", now.duplicates);
  set(f.dropped, "reason", "gap", now.gaps);
  set(f.dropped, "reason", "checksum", now.crc_failures);
  set(f.dropped, "reason", "malformed", now.malformed);
  set(f.dropped, "reason", "no_conversation", now.refused_frames);
  set(f.refused, "reason", "greeting", now.refused_hellos);
  set(f.refused, "reason", "key", now.refused_keys);
  set(f.refused, "reason", "handshake", now.failed_handshakes);
  follow(f.retransmitted.Add({{"link", name}}), static_cast<double>(now.retransmitted));
  follow(f.reconnects.Add({{"link", name}}), static_cast<double>(now.reconnects));
}

void node_figures::peers(const std::vector<node_status>& all) {
  for (const auto& p : all) families_->peer_state.Add({{"peer", p.id.value}}).Set(static_cast<double>(p.state));
}

void node_figures::disk(const disk_space& space) {
  families_->disk_free.Set(static_cast<double>(space.free_bytes));
  families_->disk_size.Set(static_cast<double>(space.total_bytes));
}

void node_figures::answered(const std::string& actor, std::chrono::nanoseconds took) {
  families_->answers.Add({{"actor", actor}}, answer_buckets).Observe(std::chrono::duration<double>(took).count());
}

void node_figures::gateway_calls(std::size_t open) { families_->gateway_calls.Add({}).Set(static_cast<double>(open)); }

disk_space space_of(const std::string& folder) {
  struct statvfs s {};
  if (::statvfs(folder.c_str(), &s) != 0) return {};
  const std::uint64_t usable_blocks = s.f_blocks - s.f_bfree + s.f_bavail; // as df counts
  return {usable_blocks * s.f_frsize, s.f_bavail * s.f_frsize};
}

} // namespace reel
