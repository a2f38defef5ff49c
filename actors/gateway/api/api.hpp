// api/api.hpp: The HTTP interface: from a request to calls on the line, and from its replies to answers.
// The course of every request: route, key (401), rate (429), method (405), id (404), then its handler.
//
// Threads: handle() is called by all HTTP threads; the replies of the line finish a request on any thread.
// What a request leaves behind when its handler returns is an api_answer, which owns all it needs, so a late
// reply of the line may outlive this object, the server and the request.
#pragma once

#include <mutex>

#include "actors/gateway/api/create_video.hpp"
#include "actors/gateway/api/metrics.hpp"
#include "actors/gateway/api/video_object.hpp"
#include "actors/gateway/auth/access.hpp"
#include "runtime/limits.hpp"
#include "runtime/observe/health.hpp"

namespace reel {

/// The right to answer one request, and its part in the metrics. Copyable, any thread.
struct api_answer {
  http_reply reply;
  std::shared_ptr<gateway_metrics> metrics;
  video_options video;
  route where = route::unknown;
  instant started{};
  std::string request_id;
  std::string limits{}; ///< header lines: what is left of rate and quotas, of creates and of 429

  void add_limits(const rate_decision& rate, const tenant& who);
  void add_limits(const quota_standing& quota);
  void send(http_response r) const;
  void fail(api_error e) const; ///< spreads Retry-After, so that those who were refused do not come back together
  void send_video(const job_view& view) const;
};

class gateway_api {
public:
  struct parts {
    std::shared_ptr<const tenant_directory> tenants; ///< at first
    std::vector<gateway_model> models;               ///< the first is the default; at least one
    std::shared_ptr<line> to;
    std::shared_ptr<prometheus::Registry> registry; ///< served by /metrics, other roles' figures too
    std::shared_ptr<std::atomic<std::size_t>> open; ///< http_options::open
    video_options video;
    webhook_targets webhooks;
    std::size_t event_streams_max = limits::http_connections_max / 4; ///< of one tenant: each holds a connection
    std::function<wall_time()> wall_clock;                            ///< empty: the system's
    std::shared_ptr<const health_board> health{};                     ///< of the process; null: it lives as it answers
  };
  explicit gateway_api(parts p);

  /// An http_handler.
  void handle(const http_request& request, http_reply reply);

  /// For http_options::check_head: a body is read only from those who may send one here.
  std::optional<http_response> check_head(const http_request& head) const;

  /// For http_options::refused: counts it.
  void count_refused(int status) { metrics_->answered(route::unknown, status, {}); }

  /// From the next request on; what is open goes on.
  void use(tenant_directory tenants);
  std::shared_ptr<const gateway_access> access() const;

  /// From now on new jobs are refused with 503 and /readyz says why; everything else goes on.
  void drain() { draining_ = true; }

private:
  /// A request while its handler runs.
  struct call {
    const http_request& request;
    const http_target& target;
    std::shared_ptr<const gateway_access> access;
    const tenant* who; ///< in it; null on open routes
    job_id job;        ///< of routes with an id
    api_answer answer;

    /// Whose jobs this caller sees; empty: everybody's.
    tenant_id scope() const { return who->is_operator ? tenant_id{} : who->id; }
  };

  std::optional<api_error> check_head(const http_request& head, route& where) const;
  static std::optional<api_error> identify(const http_request& request, const http_target& target, route where,
                                           const gateway_access& access, const tenant*& who);
  static std::optional<api_error> slow_down(const gateway_access& access, const tenant& who, bool is_create,
                                            api_answer& answer);
  void dispatch(const call& c);

  void on_page(const call& c) const;
  void on_page_file(const call& c) const;
  void on_healthz(const call& c) const;
  void on_readyz(const call& c) const;
  void on_metrics(const call& c) const;
  void on_models(const call& c) const;
  void on_account(const call& c) const;
  void on_line(const call& c) const;
  void on_line_events(const call& c) const;
  void on_own_events(const call& c) const;
  void on_timeline(const call& c) const;
  void on_quota(const call& c) const;
  void on_create(const call& c);
  void on_list(const call& c);
  void on_read(const call& c);
  void on_cancel(const call& c);
  void on_reprioritise(const call& c);
  void on_final(const call& c);
  void on_set_pause(const call& c, bool paused);
  void on_set_breaker(const call& c);
  void on_delete(const call& c);
  void on_content(const call& c);
  void on_events(const call& c);

  std::shared_ptr<void> take_event_stream(const call& c) const; ///< a place until its end; null: too many
  api_error too_many_streams() const;

  outcome<planned_job, api_error> plan(const call& c);
  static void accept(api_answer answer, const std::shared_ptr<line>& to, tenant_id scope, job_request job);
  void refuse_create(const call& c, const api_error& e) const;
  wall_time wall_now() const;

  parts parts_;
  std::vector<std::vector<std::int32_t>> negative_tokens_; ///< of each model's default, encoded once
  mutable std::mutex mutex_;                               ///< guards access_
  std::shared_ptr<const gateway_access> access_;
  std::shared_ptr<gateway_metrics> metrics_;
  std::atomic<bool> draining_{false};
};

/// Random bytes, drawn from the operating system 256 at a time and for each thread.
void pooled_random(std::uint8_t* bytes, std::size_t size);

/// Refuses query parameters that are not in the list or come twice.
std::optional<api_error> check_query(const http_target& target, std::initializer_list<std::string_view> known);
std::string_view query_value(const http_target& target, std::string_view name); ///< empty: not there

} // namespace reel
