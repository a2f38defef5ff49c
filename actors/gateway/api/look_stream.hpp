// api/look_stream.hpp: Server-sent events of something that is looked at once a second (line::watch_line, watch_jobs).
//
// Lives on its connection's thread: what the line says is posted there first. Keeps only what was seen last, so that a
// slow reader misses nothing that matters; made into text when it can be sent.
#pragma once

#include "actors/gateway/api/api.hpp"

namespace reel {

template <class T> class look_stream final : public body_stream, public std::enable_shared_from_this<look_stream<T>> {
public:
  using handler = line::look_handler<T>;
  struct parts {
    std::shared_ptr<line> from;
    std::function<line::watch_id(line& from, handler on_look)> watch;
    std::function<std::string(const T&)> render; ///< whole events; empty: nothing new to its client
    std::shared_ptr<void> place;                 ///< among the tenant's streams
  };

  /// The first look decides about the answer: what cannot be seen is refused.
  static void open(api_answer answer, parts p) {
    auto self = std::make_shared<look_stream>(std::move(answer), std::move(p));
    self->watch(self);
  }

  look_stream(api_answer answer, parts p) : parts_{std::move(p)}, on_{answer.reply}, first_{std::move(answer)} {}
  ~look_stream() override { parts_.from->unwatch(watch_); }

  void next(std::function<void(chunk)> reply) override {
    reply_ = std::move(reply);
    flush();
  }

  /// Nothing came for long: whoever was to tell may have been started again, and know nothing of us.
  std::string heartbeat() override {
    parts_.from->unwatch(watch_);
    watch(nullptr);
    return ": still here\n\n";
  }

private:
  using look = outcome<std::shared_ptr<const T>, errc>;

  /// `kept` lives at least until the first look.
  void watch(std::shared_ptr<look_stream> kept) {
    auto until_first = std::make_shared<std::shared_ptr<look_stream>>(std::move(kept));
    watch_ = parts_.watch(*parts_.from, [on = on_, self = this->weak_from_this(), until_first](const look& l) {
      on.post([self, until_first, l] {
        if (auto alive = self.lock()) alive->on_look(l);
        until_first->reset();
      });
    });
  }

  void on_look(const look& l) {
    latest_ = l;
    if (!first_) return flush();
    auto answer = std::move(*first_);
    first_.reset();
    if (!l) return answer.fail(error_of(l.error(), "the line"));
    http_response r;
    r.add("content-type", "text/event-stream");
    r.add("cache-control", "no-store");
    r.stream = this->shared_from_this();
    r.stream_endless = true;
    answer.send(std::move(r));
  }

  void flush() {
    if (!reply_ || !latest_) return;
    auto text = *latest_ ? parts_.render(***latest_) : trouble((*latest_).error());
    latest_.reset();
    if (text.empty()) return;
    std::exchange(reply_, nullptr)(blob::copy_of(text));
  }

  static std::string trouble(errc code) {
    std::string object;
    json_writer{object}.open().key("code").text(to_string(code)).close();
    return "event: trouble\ndata: " + object + "\n\n";
  }

  parts parts_;
  http_reply on_;
  std::optional<api_answer> first_; ///< not given yet
  line::watch_id watch_ = 0;
  std::optional<look> latest_;
  std::function<void(chunk)> reply_;
};

} // namespace reel
