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
  /// An operation of the history, under way: answered once, by the cluster or by the clock.
  struct question {
    content of;
    std::uint64_t process = 0; ///< of the history: one for each operation
    job_id id{};               ///< of the job that is read or cancelled
    int times = 0;             ///< that it was read, this one counted
    bool answered = false;
  };
  using question_ptr = std::shared_ptr<question>;

  content draw(std::uint32_t number);
  void send_next();
  void submit(const content& c);
  job_request request_of(const content& c);
  void on_submitted(const question& q, const accept_answer& a);
  void follow(const content& c, const job_id& id);
  void cancel(const content& c, const job_id& id);
  void on_cancelled(const question& q, errc code);
  void read(const content& c, const job_id& id, int times);
  void on_read(const question& q, const outcome<job_record, errc>& r);
  question_ptr ask(const content& c, const job_id& id = {}, int times = 0);
  /// Over the network to the control node. `refused`: nobody is there; `lost`: no answer came.
  template <class There, class Refused, class Lost>
  void call(const question_ptr& q, There there, Refused refused, Lost lost);
  /// And back; once.
  template <class Done> void answer(const question_ptr& q, Done done);
  template <class Done> void settle(question& q, const Done& done);
  ns way();

  const plan& plan_;
  event_queue& events_;
  history_log& log_;
  cluster& to_;
  random_stream random_;
  std::uint64_t processes_ = 0;
  std::uint32_t requests_ = 0, sent_ = 0, settled_ = 0, extra_ = 0;
  std::uint64_t open_ = 0;
  std::vector<bool> poison_; ///< by request
};

} // namespace reel::faultsim
