// GET /v1/videos/{id}/events: server-sent events (WHATWG HTML, section 9.2).
#include "actors/gateway/api/api.hpp"

namespace reel {

namespace {

/// One client's stream. Lives on its connection's thread: what the line says is posted there first.
/// Keeps only the newest event: each one is the whole video object, so a slow reader misses nothing that
/// matters.
class event_stream final : public body_stream, public std::enable_shared_from_this<event_stream> {
public:
  event_stream(std::shared_ptr<line> from, http_reply on, read_job what, video_options o, std::shared_ptr<void> place)
      : from_{std::move(from)}, on_{std::move(on)}, what_{std::move(what)}, options_{o}, place_{std::move(place)} {}
  ~event_stream() override { from_->unwatch(watch_); }

  /// Before the first read, so that no change falls between the two.
  void watch() {
    watch_ = from_->watch(what_.id, [on = on_, self = weak_from_this()](const job_update& u) {
      on.post([self, u] {
        if (auto alive = self.lock()) alive->on_update(u);
      });
    });
  }

  /// What the first read found.
  void on_first(job_view view) {
    reading_ = false;
    on_record(std::move(view));
    if (changed_) read_again();
  }

  void next(std::function<void(chunk)> reply) override {
    reply_ = std::move(reply);
    flush();
  }

  /// Also the moment to read again: an update may have been lost.
  std::string heartbeat() override {
    read_again();
    return ": still here\n\n";
  }

private:
  void on_record(job_view view) {
    view_ = std::move(view);
    put("status");
    ended_ = is_terminal(view_.record.state);
  }

  void on_update(const job_update& u) {
    if (ended_ || gone_) return;
    bool before_first = view_.record.request.id.is_nil();
    if (before_first || u.state != view_.record.state) return read_again();
    view_.live = u.live;
    put("progress");
    flush();
  }

  /// A read that is on its way may have looked before what this one is asked for: then it is repeated.
  void read_again() {
    changed_ = reading_;
    if (ended_ || std::exchange(reading_, true)) return;
    from_->read(what_, [on = on_, self = weak_from_this()](outcome<job_view, errc> view) {
      on.post([self, view = std::move(view)] {
        if (auto alive = self.lock()) alive->on_read(view);
      });
    });
  }

  void on_read(const outcome<job_view, errc>& view) {
    reading_ = false;
    if (view && view->record.version != view_.record.version)
      on_record(*view);
    else if (!view && view.error() == errc::not_found)
      gone_ = true; // deleted meanwhile
    if (changed_ && !gone_) read_again();
    flush();
  }

  void put(std::string_view kind) {
    bool keeps_status = pending_.starts_with("event: status");
    pending_ = keeps_status || kind == "status" ? "event: status\ndata: " : "event: progress\ndata: ";
    std::string object;
    json_writer json{object};
    write_video(json, view_, options_);
    (pending_ += object) += "\n\n";
  }

  void flush() {
    if (!reply_ || (pending_.empty() && !ended_ && !gone_)) return;
    auto reply = std::exchange(reply_, nullptr);
    reply(blob::copy_of(std::exchange(pending_, {}))); // empty: the end
  }

  std::shared_ptr<line> from_;
  http_reply on_;
  read_job what_;
  video_options options_;
  line::watch_id watch_ = 0;
  job_view view_;
  std::string pending_;
  std::function<void(chunk)> reply_;
  bool reading_ = true; ///< the first read is on its way
  bool changed_ = false;
  bool ended_ = false, gone_ = false;
  std::shared_ptr<void> place_; ///< among the tenant's streams
};

} // namespace

api_error gateway_api::too_many_streams() const {
  return {.status = 429,
          .code = "too_many_streams",
          .message = "too many event streams of this account are open (allowed: " +
                     std::to_string(parts_.event_streams_max) + "); close some, or poll",
          .retry_after = std::chrono::seconds{10}};
}

void gateway_api::on_events(const call& c) {
  if (auto wrong = check_query(c.target, {})) return c.answer.fail(*wrong);
  auto place = take_event_stream(c);
  if (!place) return c.answer.fail(too_many_streams());
  auto stream = std::make_shared<event_stream>(parts_.to, c.answer.reply, read_job{c.scope(), c.job}, parts_.video,
                                               std::move(place));
  stream->watch();
  parts_.to->read({c.scope(), c.job}, [answer = c.answer, stream, id = c.job](outcome<job_view, errc> view) {
    answer.reply.post([answer, stream, id, view = std::move(view)] {
      if (!view) return answer.fail(error_of(view.error(), to_string(id)));
      stream->on_first(*view);
      http_response r;
      r.add("content-type", "text/event-stream");
      r.add("cache-control", "no-store");
      r.stream = stream;
      r.stream_endless = true;
      answer.send(std::move(r));
    });
  });
}

} // namespace reel
