// delivery_setup.hpp: What a node with storage needs to post webhooks, made of its configuration. Outlives the actors
// that use it.
#pragma once

#include "actors/config.hpp"
#include "actors/delivery/delivery_actor.hpp"
#include "actors/delivery/webhook_secret.hpp"

namespace reel {

struct delivery_setup {
  std::shared_ptr<http_poster> poster;
  std::shared_ptr<task_threads> threads;
  delivery_options options;

  /// Posts under way end soon, without an answer.
  void stop() const {
    if (poster) poster->stop();
  }
};

/// Reads the tenants' secrets. Throws std::runtime_error that names the file.
inline delivery_setup set_up_delivery(const webhooks_config& c, const tenant_directory& tenants,
                                      const std::shared_ptr<prometheus::Registry>& registry) {
  delivery_setup s;
  s.poster = std::make_shared<http_poster>(http_poster_options{c.timeout, webhook_targets{c.allow_networks}});
  s.threads = std::make_shared<task_threads>(c.threads, c.threads, "webhooks");
  s.options.pace = c.pace;
  s.options.threads = c.threads;
  s.options.timeout = c.timeout;
  s.options.patience = c.timeout + std::chrono::seconds{30};
  s.options.metrics = std::make_shared<delivery_metrics>(registry);
  for (const auto& t : tenants.tenants())
    if (!t.webhook_secret_file.empty()) s.options.secrets[t.id] = load_webhook_secret(t.webhook_secret_file);
  return s;
}

} // namespace reel
