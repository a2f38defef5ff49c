#include "src/reel-node/observe_server.hpp"

#include <filesystem>
#include <fstream>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "actors/gateway/api/json_writer.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

namespace fs = std::filesystem;

namespace {

http_options http_options_of(const observe_options& o) {
  http_options h;
  h.address = o.address;
  h.port = o.port;
  h.connections_max = 64; // a few watchers
  return h;
}

http_response answer(int status, std::string_view type, std::string body) {
  http_response r{.status = status};
  r.add("content-type", type);
  r.add("cache-control", "no-store");
  r.body = std::move(body);
  return r;
}

http_response answer_of(const health_verdict& v, std::string_view name) {
  return answer(v.good ? 200 : 503, "application/json", to_json(v, name) + '\n');
}

/// Whoever reads it finds the old one or the new one.
void write_targets(const observe_options& o, std::uint16_t port) {
  const auto fresh = o.targets_file + ".new";
  std::string text;
  json_writer json{text};
  const std::string host = o.address == "0.0.0.0" ? "127.0.0.1" : o.address;
  json.open('[').open().key("targets").open('[').text(host + ':' + std::to_string(port)).close(']');
  json.key("labels").open().key("cluster").text(o.cluster).key("node").text(o.node.value).close().close().close(']');
  {
    std::ofstream out{fresh, std::ios::trunc};
    out << text << '\n';
    if (!out.flush()) throw std::runtime_error{fresh + ": cannot be written"};
  }
  fs::rename(fresh, o.targets_file);
}

} // namespace

http_response observe_answer(const http_request& r, const prometheus::Registry& registry, const health_board& health,
                             instant now) {
  const auto path = std::string_view{r.target}.substr(0, r.target.find('?'));
  if (r.method != http_method::get && r.method != http_method::head) {
    auto refusal = answer(405, "text/plain", "allowed are GET and HEAD\n");
    refusal.add("allow", "GET, HEAD");
    return refusal;
  }
  if (path == "/healthz") return answer_of(health.lives(now), "alive");
  if (path == "/readyz") return answer_of(health.ready(now), "ready");
  if (path == "/metrics")
    return answer(200, "text/plain; version=0.0.4; charset=utf-8",
                  prometheus::TextSerializer{}.Serialize(registry.Collect()));
  return answer(404, "text/plain", "here are /metrics, /healthz and /readyz\n");
}

observe_server::observe_server(observe_options o, std::shared_ptr<prometheus::Registry> registry,
                               std::shared_ptr<const health_board> health)
    : options_{std::move(o)}, http_{http_options_of(options_),
                                    [registry = std::move(registry), health = std::move(health)](const http_request& r,
                                                                                                 http_reply reply) {
                                      reply.send(
                                          observe_answer(r, *registry, *health, std::chrono::steady_clock::now()));
                                    }} {
  write_targets(options_, http_.port());
  log::info("metrics are served", {{"address", options_.address}, {"port", http_.port()}});
}

observe_server::~observe_server() {
  std::error_code ignored; // of a folder that is gone
  fs::remove(options_.targets_file, ignored);
}

} // namespace reel
