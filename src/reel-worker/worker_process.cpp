// worker_process.cpp: One worker process of a node: models, compute thread, actor, link.
#include <csignal>
#include <iostream>
#include <iterator>
#include <malloc.h>
#include <semaphore>
#include <sodium.h>

#include "actors/worker/null_renderer.hpp"
#include "actors/worker/worker.hpp"
#include "actors/worker/worker_input.hpp"
#include "runtime/cluster/hub.hpp"
#include "runtime/fault/fault_point.hpp"
#include "runtime/link/zmq_link.hpp"
#include "runtime/observe/log.hpp"
#include "src/reel-worker/commands.hpp"

namespace reel::worker_cli {
namespace {

using namespace std::chrono_literals;

struct loaded_models {
  std::map<model_id, std::unique_ptr<renderer>> renderers;
  worker_ready ready;
};

loaded_models load(const worker_input& in) {
  loaded_models all;
  all.ready.id = in.id;
  for (const auto& options : in.models) {
    auto r =
        options.kind == "null" ? std::make_unique<null_renderer>(options, in.null_step_time) : make_renderer(options);
    all.ready.models.push_back(options.model);
    if (r->can_resume()) all.ready.resumable.push_back(options.model);
    all.ready.device = r->device();
    all.ready.memory_bytes = r->memory_bytes();
    all.renderers.emplace(options.model, std::move(r));
  }
  return all;
}

/// Ends main() from any thread.
struct end_signal {
  std::binary_semaphore raised{0};
  std::atomic<int> code{0};
  void raise(int with) {
    code = with;
    raised.release();
  }
};

int run(const worker_input& in) {
  auto box = std::make_unique<black_box>(in.black_box_file);
  auto models = load(in);
  act::system actor_system{1};
  auto& system = actor_system.actors;
  end_signal end;
  hub local{system};

  auto slot = local.remote<slot_protocol>(local_parent, role::slots, 5s);
  auto objects = local.remote<worker_objects_protocol>(local_parent, role::objects, 60s);

  worker_ref self; // set before the link starts, hence before the renderer has work
  auto to_self = [&self](auto m) { act::post(caf::actor_cast<worker::interface>(self), std::move(m)); };
  render_thread::events events{to_self, to_self, to_self};
  events.cadence.cost_most = in.checkpoint_cost;
  render_thread renderer{std::move(models.renderers), std::move(events), std::move(box)};
  worker_wiring wiring{models.ready, slot, objects, &renderer, [&end](int code) { end.raise(code); }};
  worker_options how;
  how.keep_warm = in.keep_warm;
  auto actor = act::spawn_shell<worker>(system, wiring, how);
  self = actor;
  local.serve<worker_protocol>(role::worker, self);
  local.tell_peers_to(actor);

  zmq_link link{{.self = in.local_peer,
                 .epoch = draw_epoch(),
                 .peers = {{.id = local_parent, .endpoint = in.endpoint, .public_key = {}, .token = in.token}}}};
  local.start(link);
  link.start(local);
  end.raised.acquire();
  link.stop();
  std::_Exit(end.code); // the compute thread may be minutes from its next step; nothing here is worth waiting for
}

} // namespace

int run_worker() {
  ::mallopt(M_ARENA_MAX, 2); // one compute thread, one for messages
  for (int number : {SIGINT, SIGTERM, SIGUSR1, SIGXFSZ})
    std::signal(number, SIG_IGN); // for the whole group: the node drains, then ends us; a file limit is an error
  if (::sodium_init() < 0) return exit_failed;
  try {
    std::string input{std::istreambuf_iterator<char>{std::cin}, {}};
    auto in = parse_worker_input(input);
    log::start({log::parse_level(in.log_level), in.id.value, in.log_file});
    if (!in.fault_plan.empty()) fault::install({in.fault_plan, in.id.value, in.fault_folder});
    return run(in);
  } catch (const std::exception& e) {
    log::error("worker cannot start", {{"why", e.what()}});
    std::cerr << "reel-worker: " << e.what() << '\n';
    return exit_failed;
  }
}

} // namespace reel::worker_cli
