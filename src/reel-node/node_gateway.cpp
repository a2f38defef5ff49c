#include "actors/gateway/gateway_actor.hpp"
#include "actors/gateway/text/tokenizer.hpp"
#include "src/reel-node/node_parts.hpp"

namespace reel {

void node::parts::wire_gateway(const declared<gateway_protocol>& g) {
  gateway_options o;
  o.self = self.id;
  auto line = make_gateway_line(o);
  gateway_calls = line.inbox->outstanding;
  tree.start(g, [this, o, inbox = line.inbox] {
    return gateway_ref{act::spawn_shell<gateway_shell>(system, o, inbox, ledger, scheduler, operations, objects)};
  });
  cluster.serve<gateway_protocol>(role::gateway, g.ref, nodes_with({node_role::scheduler}));

  gateway_api::parts p;
  p.tenants = std::make_shared<tenant_directory>(tenant_directory::load(config.gateway.tenants_file));
  for (const auto& m : config.models)
    p.models.push_back({m.profile, m.tokenizer_file.empty()
                                       ? nullptr
                                       : load_tokenizer(m.tokenizer_file, static_cast<std::size_t>(m.text_len))});
  p.to = line.to;
  p.registry = registry;
  p.health = health;
  p.open = std::make_shared<std::atomic<std::size_t>>(0);
  p.webhooks = webhook_targets{config.webhooks.allow_networks};
  p.video.attempts_max = config.scheduler.recovery.retries_max + 1;
  http_options h;
  h.address = config.gateway.address;
  h.port = config.gateway.port;
  h.threads = config.gateway.threads;
  h.open = p.open;
  api = std::make_shared<gateway_api>(std::move(p));
  h.refused = [api = api](int status) { api->count_refused(status); };
  h.check_head = [api = api](const http_request& head) { return api->check_head(head); };
  http = std::make_unique<http_server>(
      h, [api = api](const http_request& r, http_reply reply) { api->handle(r, std::move(reply)); });
}

} // namespace reel
