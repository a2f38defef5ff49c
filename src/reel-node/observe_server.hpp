// observe_server.hpp: /metrics, /healthz and /readyz of a node, on an address of their own: every node has them, also
// those without a gateway, and who watches needs no key and no way through the gateway.
//
// Where it listens is written to a file in the form that Prometheus reads (file_sd): ports may be any free ones. Owned
// by the node; the file goes with it.
#pragma once

#include <memory>

#include "actors/config.hpp"
#include "actors/gateway/http/server.hpp"
#include "runtime/observe/health.hpp"

namespace prometheus {
class Registry;
}

namespace reel {

struct observe_options {
  node_id node;
  std::string cluster;
  std::string address;
  std::uint16_t port = 0;
  std::string targets_file; ///< written when it listens
};

class observe_server {
public:
  /// Throws std::runtime_error that names the address, or the file, and the reason.
  observe_server(observe_options o, std::shared_ptr<prometheus::Registry> registry,
                 std::shared_ptr<const health_board> health);
  ~observe_server();
  observe_server(const observe_server&) = delete;
  observe_server& operator=(const observe_server&) = delete;

  std::uint16_t port() const { return http_.port(); }

private:
  observe_options options_;
  http_server http_;
};

/// The answer to one request. Pure but for the clock's reading.
http_response observe_answer(const http_request& r, const prometheus::Registry& registry, const health_board& health,
                             instant now);

} // namespace reel
