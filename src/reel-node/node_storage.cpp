#include "actors/storage/objects_actor.hpp"
#include "actors/storage/sweeper.hpp"
#include "src/reel-node/node_parts.hpp"

namespace reel {

void node::parts::open_storage() {
  sqlite_ledger_options o;
  o.file = config.storage.ledger_file;
  o.writer_cache_kib = config.storage.cache_kib;
  o.reader_cache_kib = config.storage.cache_kib / 2;
  o.disk.ballast_bytes = config.storage.ballast_bytes;
  o.limits.queued_jobs_max = config.storage.queued_jobs_max;
  auto tenants = tenant_directory::load(config.gateway.tenants_file);
  for (const auto& t : tenants.tenants()) o.limits.tenants[t.id] = t.quota;
  o.limits.gpu_estimate = config.storage.gpu_estimate;
  stores = std::make_shared<storage_metrics>(registry);
  o.measured = [to = stores](const ledger_group& g) { to->ledger(g); };
  ledger_replies = std::make_shared<delivery_point>();
  ledger_store = std::make_shared<sqlite_ledger>(o, [to = ledger_replies](auto run) { to->deliver(std::move(run)); });
  object_files = std::make_shared<file_objects>(file_objects_options{config.storage.objects_dir, {}});
  webhooks = set_up_delivery(config.webhooks, tenants, registry);
}

void node::parts::wire_storage(const declared<ledger_protocol>& l, const declared<objects_protocol>& o) {
  ledger_actor_options ledger_options;
  ledger_options.theme = config.scheduler.theme;
  tree.start(l, [this, ledger_options] {
    return ledger_ref{act::spawn_shell<ledger_actor>(system, ledger_store, ledger_replies, scheduler, ledger_options)};
  });
  objects_actor_options objects_options;
  objects_options.threads = static_cast<std::size_t>(config.storage.object_threads);
  objects_options.measured = [to = stores](store_call call, errc code, std::chrono::nanoseconds took,
                                           std::uint64_t bytes) { to->objects(call, code, took, bytes); };
  tree.start(o, [this, objects_options] {
    return objects_ref{
        act::spawn_shell<objects_actor>(system, object_files, objects_options, breaker_listener_ref{scheduler})};
  });
  auto sweeper = tree.declare<sweeper_protocol>("store", "sweeper");
  sweeper_options sweep;
  sweep.interval = config.storage.sweep_every;
  sweep.age = config.storage.orphan_age;
  tree.start(sweeper,
             [this, sweep] { return act::spawn_shell<sweeper_actor>(system, ledger_store, object_files, sweep); });
  wire_delivery();
  cluster.serve<ledger_protocol>(role::ledger, l.ref, nodes_with({node_role::gateway, node_role::scheduler}));
  cluster.serve<objects_protocol>(role::objects, o.ref,
                                  nodes_with({node_role::gateway, node_role::workers, node_role::scheduler}));
}

/// Beside the ledger: so there is one of it, and what it reads and records needs no link.
void node::parts::wire_delivery() {
  auto delivery = tree.declare<delivery_protocol>("ledger", "delivery");
  tree.start(delivery, [this] {
    auto post = [poster = webhooks.poster](const http_post& p) { return poster->post(p); };
    return act::spawn_shell<delivery_actor>(system, ledger_store, post_function{post}, webhooks.threads,
                                            webhooks.options);
  });
}

} // namespace reel
