// control_node.hpp: One life of the control node: gateway, ledger and scheduler in one process, and the store of videos
// behind it. What it holds in memory dies with it; the ledger's synced state (ledger_disk.hpp) and stored videos stay.
#pragma once

#include "actors/storage/queue_notifier.hpp"
#include "src/reel-sim/faults/scheduler_shell.hpp"

namespace reel::faultsim {

/// Stored videos, and nothing but their hashes. Written before they are answered.
class video_store {
public:
  bool is_down = false;
  std::uint64_t refused = 0;

  void put(const object_write& o) {
    if (auto key = parse_object_key(o.key); key && key->kind == artifact::video)
      files_.push_back({key->job, key->generation, key->fence, key->sha256, tenants_.number_of(key->tenant.value)});
  }
  void write_objects(history_log& log) const;

private:
  struct file {
    job_id job;
    std::uint32_t generation = 0, fence = 0;
    sha256_digest sha256;
    std::uint16_t tenant = 0;
  };
  std::deque<file> files_;
  name_table tenants_;
};

struct control_wiring {
  event_queue* events = nullptr;
  history_log* log = nullptr;
  network* net = nullptr;
  ledger_disk* disk = nullptr;
  video_store* videos = nullptr;
  process_id process = 0;
  std::vector<node_id> nodes;
  std::function<void(const supervised_batch&)> lease_expired;
  defect broken = defect::none;
  std::uint64_t seed = 0;
};

class control_node {
public:
  explicit control_node(control_wiring w);
  ~control_node();
  control_node(const control_node&) = delete;
  control_node& operator=(const control_node&) = delete;

  // ---- HTTP; no answer where the process ends before
  void submit(job_request r, std::function<void(accept_answer)> answered); ///< code timeout: nobody knows
  void cancel(const tenant_id& tenant, const job_id& id, std::function<void(errc)> answered);
  void read(const tenant_id& tenant, const job_id& id, std::function<void(outcome<job_record, errc>)> answered);

  bool breakers_closed() const { return scheduler_->breakers_closed(); }

private:
  template <class Message, class Answer, class Done>
  void ask(void (ledger_disk::*call)(Message, reply_to<Answer>), Message m, Done done);
  void open_link(std::size_t link);
  void on_ask(const message& m, answer_function reply);
  void on_put(const put_objects& m, answer_function reply);
  void on_tell(const message& m);
  void start_scheduler();
  void notify();
  link_end* link_to(const node_id& node);

  control_wiring w_;
  std::shared_ptr<scheduler_shell> scheduler_;
  queue_notifier notices_;
  std::uint64_t schedulers_ = 0;
};

} // namespace reel::faultsim
