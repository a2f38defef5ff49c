#include <fmt/format.h>
#include <fmt/ranges.h>

#include "actors/gateway/gateway_actor.hpp"
#include "actors/gateway/text/tokenizer.hpp"
#include "runtime/observe/log.hpp"
#include "src/reel-node/node_parts.hpp"

namespace reel {

namespace {

std::filesystem::file_time_type time_of(const std::string& file) {
  std::error_code none;
  const auto at = std::filesystem::last_write_time(file, none);
  return none ? std::filesystem::file_time_type{} : at;
}

} // namespace

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
  tenants_as_of = time_of(config.gateway.tenants_file);
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

/// A file that is wrong, or gone, is not read again until it changes.
void node::parts::reload_tenants() {
  const auto& file = config.gateway.tenants_file;
  const auto at = time_of(file);
  if (!api || at == tenants_as_of) return;
  tenants_as_of = at;
  try {
    auto now = tenant_directory::load(file);
    const auto changes = changes_between(api->access()->tenants, now);
    api->use(std::move(now));
    log::info("tenants file read again",
              {{"file", file}, {"changes", fmt::format("{}", fmt::join(changes.live, "; "))}});
    if (!changes.after_restart.empty())
      log::warn("changed in the tenants file, and holds after a restart",
                {{"what", fmt::format("{}", fmt::join(changes.after_restart, "; "))}});
  } catch (const std::exception& e) {
    log::error("tenants file not read again: who may use the gateway stays as it was",
               {{"why", std::string_view{e.what()}}});
  }
}

} // namespace reel
