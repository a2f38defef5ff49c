// node_parts.hpp: What a node consists of. Each role is wired in a file of its own: node_storage.cpp and so on.
#pragma once

#include <atomic>
#include <prometheus/registry.h>

#include "actors/gateway/api/api.hpp"
#include "actors/gateway/http/server.hpp"
#include "actors/scheduler/scheduler.hpp"
#include "actors/storage/file_objects.hpp"
#include "actors/storage/ledger_actor.hpp"
#include "actors/storage/sqlite_ledger.hpp"
#include "actors/storage/storage_metrics.hpp"
#include "actors/supervisor/node_supervisor.hpp"
#include "runtime/cluster/hub.hpp"
#include "runtime/link/zmq_link.hpp"
#include "runtime/supervise.hpp"
#include "src/reel-node/delivery_setup.hpp"
#include "src/reel-node/node.hpp"
#include "src/reel-node/node_figures.hpp"
#include "src/reel-node/observe_server.hpp"
#include "src/reel-node/readiness.hpp"

namespace reel {

struct node::parts {
  const cluster_config config;
  const node_config self;
  const node_epoch epoch = draw_epoch();

  act::system actor_system;
  caf::actor_system& system = actor_system.actors;
  hub cluster; ///< to other nodes
  hub local;   ///< to our worker processes
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();

  std::shared_ptr<health_board> health = std::make_shared<health_board>(std::chrono::steady_clock::now());

  // Resources; they outlive the actors that use them.
  std::shared_ptr<node_figures> figures;
  std::shared_ptr<storage_metrics> stores;     ///< null: another node stores
  std::shared_ptr<slots_metrics> slot_figures; ///< null: no workers here
  std::shared_ptr<delivery_point> ledger_replies;
  std::shared_ptr<sqlite_ledger> ledger_store;
  std::shared_ptr<file_objects> object_files;
  delivery_setup webhooks;
  std::unique_ptr<child_processes> children;
  std::unique_ptr<zmq_link> cluster_link, local_link;
  std::shared_ptr<gateway_api> api;
  std::filesystem::file_time_type tenants_as_of{}; ///< as far as the gateway knows the file
  std::unique_ptr<http_server> http;
  std::unique_ptr<observe_server> observing;
  std::shared_ptr<std::atomic<std::size_t>> gateway_calls; ///< open ones; null: no gateway here

  supervision_tree tree;

  // How each role is reached, here or on another node.
  ledger_ref ledger;
  objects_ref objects;
  scheduler_ref scheduler;
  operations_ref operations;
  std::map<node_id, slots_ref> slots;
  std::map<node_id, gateway_ref> gateways;
  std::vector<node_id> operators; ///< keys of those who may come over the link
  act::ref<node_supervisor_protocol> slots_here;
  act::ref<scheduler_actor_protocol> scheduler_door; ///< null: it runs on another node
  std::function<void()> tell_evict;
  bool stopped = false, hurried = false;
  std::atomic<bool> evicting = false;

  parts(const cluster_config& config, const node_config& self, notices tell);

  void open_storage();
  void open_cluster_link();
  void open_local_link();
  void wire();
  void wire_storage(const declared<ledger_protocol>& l, const declared<objects_protocol>& o);
  void wire_delivery();
  void wire_scheduler(const declared<scheduler_actor_protocol>& s, const declared<operations_protocol>& o);
  void wire_slots(const declared<node_supervisor_protocol>& s);
  void wire_gateway(const declared<gateway_protocol>& g);
  void reload_tenants();
  void wire_observer();
  readiness_facts sample();
  void wire_desks(const act::ref<scheduler_actor_protocol>& s);
  template <class Protocol> void serve_operators(const act::ref<Protocol>& local, role target) {
    for (const auto& key : operators) serve_operator<Protocol>(key, local, target);
  }
  template <class Protocol> void serve_operator(const node_id& key, const act::ref<Protocol>& local, role target) {
    for (int seat = 1; seat <= operator_seats; ++seat) cluster.serve_to<Protocol>(seat_of(key, seat), target, local);
  }
  void stop_leasing();
  void drain_slots();
  std::vector<node_id> nodes_with(std::set<node_role> any_of) const; ///< who may call what they need
};

} // namespace reel
