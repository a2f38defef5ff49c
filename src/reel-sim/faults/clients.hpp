// clients.hpp: Who sends jobs to a simulated cluster, reads some of them and cancels others, and writes
// down what the cluster said. A submit whose outcome is not known, or that was refused for now, is sent again under its
// key until it is settled; then the client knows that its job was accepted.
#pragma once

#include "src/reel-sim/faults/cluster.hpp"

namespace reel::faultsim {

class clients {
public:
  clients(const plan& p, event_queue& events, history_log& log, cluster& to);

  bool is_poison(const job_id& id) const;
  /// All jobs were accepted, and no question is open.
  bool is_quiet() const { return sent_ == plan_.jobs + extra_ && settled_ == sent_ && open_ == 0; }
  void send_extra(); ///< one job more, on the heavy model only: for a breaker that waits for a probe
  std::uint64_t settled() const { return settled_; }

private:
  struct content {
    std::uint32_t number = 0; ///< of the job; the key
    std::uint32_t tenant = 0;
    job_class cls = job_class::standard;
    std::uint8_t shape = 0;
    bool heavy = true, allow_degraded = true, poison = false;
    sha256_digest payload;
  };
  using reached = std::function<void(control_node&)>;

  content draw(std::uint32_t number);
  void send_next();
  void submit(const content& c);
  job_request request_of(const content& c);
  void on_submitted(const content& c, std::uint64_t process, const accept_answer& a);
  void follow(const content& c, const job_id& id);
  void cancel(const content& c, const job_id& id);
  void read(const content& c, const job_id& id, int times);
  void on_read(const content& c, const job_id& id, int times, std::uint64_t process,
               const outcome<job_record, errc>& r);
  /// Over the network to the control node and, by `answer`, back. `refused`: nobody is there; `lost`: no answer came.
  void call(reached there, std::function<void()> refused, std::function<void()> lost, std::shared_ptr<bool> answered);
  ns way();

  const plan& plan_;
  event_queue& events_;
  history_log& log_;
  cluster& to_;
  random_stream random_;
  std::uint64_t processes_ = 0; ///< of the history: one for each operation
  std::uint32_t requests_ = 0, sent_ = 0, settled_ = 0, extra_ = 0;
  std::uint64_t open_ = 0;
  std::vector<bool> poison_; ///< by request
};

} // namespace reel::faultsim
