#include "actors/supervisor/slots_metrics.hpp"

#include "runtime/observe/metric_families.hpp"

namespace reel {

namespace {

/// A counter that another process counts, from nothing each time that it starts.
class followed {
public:
  followed(counters& family, const prometheus::Labels& labels, double unit = 1)
      : counter_{family.Add(labels)}, unit_{unit} {}
  void follow(std::uint64_t now) {
    const auto more = now >= known_ ? now - known_ : now;
    if (more != 0) counter_.Increment(static_cast<double>(more) * unit_);
    known_ = now;
  }

private:
  prometheus::Counter& counter_;
  double unit_;
  std::uint64_t known_ = 0;
};

} // namespace

struct slots_metrics::families {
  std::shared_ptr<prometheus::Registry> registry;
  gauges &state, &batches, &memory, &resident;
  counters &restarts, &busy, &steps, &encoded, &reused, &loads, &warm, &ended;
  prometheus::Gauge& mailbox;
};

struct slots_metrics::of_worker {
  of_worker(const families& f, const worker_id& id) : of_worker{f, prometheus::Labels{{"worker", id.value}}, id} {}

  prometheus::Gauge &state, &batches, &memory, &resident;
  followed restarts, encode, denoise, decode, steps, encoded, reused, loads, warm;

private:
  of_worker(const families& f, const prometheus::Labels& l, const worker_id& id)
      : state{f.state.Add(l)}, batches{f.batches.Add(l)}, memory{f.memory.Add(l)}, resident{f.resident.Add(l)},
        restarts{f.restarts, l}, encode{f.busy, {{"worker", id.value}, {"stage", "encode"}}, 1e-6},
        denoise{f.busy, {{"worker", id.value}, {"stage", "denoise"}}, 1e-6}, decode{f.busy,
                                                                                    {{"worker", id.value},
                                                                                     {"stage", "decode"}},
                                                                                    1e-6},
        steps{f.steps, l}, encoded{f.encoded, l}, reused{f.reused, l}, loads{f.loads, l}, warm{f.warm, l} {}
};

slots_metrics::slots_metrics(const std::shared_ptr<prometheus::Registry>& registry) {
  auto& r = *registry;
  families_.reset(new families{
      registry,
      gauge_family(r, "reel_worker_state", "A slot's process: 0 starts, 1 ready, 2 down, 3 ejected."),
      gauge_family(r, "reel_worker_batches", "Batches on a worker, running or waiting there."),
      gauge_family(r, "reel_worker_device_bytes", "Memory of a worker's device."),
      gauge_family(r, "reel_worker_resident_bytes", "Memory that a worker's process has in use."),
      counter_family(r, "reel_worker_restarts_total", "Starts of a slot's process after it had ended."),
      counter_family(r, "reel_worker_busy_seconds_total", "Time for which a worker computed, by stage."),
      counter_family(r, "reel_worker_steps_total", "Denoise steps of a worker, of all its jobs together."),
      counter_family(r, "reel_text_encodings_total", "Texts that a worker encoded."),
      counter_family(r, "reel_text_cache_hits_total", "Texts that a worker had encoded for an earlier batch."),
      counter_family(r, "reel_worker_expert_loads_total", "Experts that a worker brought to its device."),
      counter_family(r, "reel_worker_warm_runs_total", "Empty inferences of an idle worker."),
      counter_family(r, "reel_worker_ends_total", "Ends of worker processes, by slot and what they are put down to."),
      gauge_family(r, "reel_mailbox_messages", "Messages that wait for an actor.").Add({{"actor", "node_supervisor"}}),
  });
}

slots_metrics::~slots_metrics() = default;

slots_metrics::of_worker& slots_metrics::figures_of(const worker_id& id) {
  auto& figures = workers_[id];
  if (!figures) figures = std::make_unique<of_worker>(*families_, id);
  return *figures;
}

void slots_metrics::heard(const worker_alive& m) {
  auto& w = figures_of(m.id);
  w.encode.follow(m.figures.encode_us);
  w.denoise.follow(m.figures.denoise_us);
  w.decode.follow(m.figures.decode_us);
  w.steps.follow(m.figures.steps);
  w.encoded.follow(m.figures.texts_encoded);
  w.reused.follow(m.figures.texts_reused);
  w.loads.follow(m.figures.expert_loads);
  w.warm.follow(m.warm_runs);
  w.resident.Set(static_cast<double>(m.figures.resident_bytes));
}

void slots_metrics::reported(const workers_report& m, std::size_t unwanted, std::size_t mailbox_messages) {
  slots_state now;
  now.slots = m.workers.size();
  now.unwanted = unwanted;
  now.draining = m.draining;
  for (const auto& status : m.workers) {
    auto& w = figures_of(status.id);
    w.state.Set(static_cast<double>(status.state));
    w.batches.Set(static_cast<double>(status.batches.size()));
    w.memory.Set(static_cast<double>(status.memory_bytes));
    w.restarts.follow(status.restarts);
    if (status.pid == 0) w.resident.Set(0);
    switch (status.state) {
    case worker_state::ready: ++now.ready; break;
    case worker_state::starting: ++now.starting; break;
    case worker_state::down: ++now.down; break;
    case worker_state::ejected: ++now.ejected; break;
    }
  }
  families_->mailbox.Set(static_cast<double>(mailbox_messages));
  std::lock_guard lock{mutex_};
  state_ = now;
}

void slots_metrics::process_ended(const worker_id& id, errc code) {
  families_->ended.Add({{"worker", id.value}, {"code", std::string{to_string(code)}}}).Increment();
}

slots_state slots_metrics::state() const {
  std::lock_guard lock{mutex_};
  return state_;
}

} // namespace reel
