#include "actors/gateway/http/connection.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <cstring>

#include "actors/gateway/http/response_head.hpp"
#include "runtime/observe/log.hpp"

namespace reel::http_inside {

namespace {

constexpr auto token = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t buffer_bytes_first = 4096; ///< what most requests fit in

asio::const_buffer buffer_of(const http_response& r) {
  return r.data.empty() ? asio::const_buffer{r.body.data(), r.body.size()}
                        : asio::const_buffer{r.data.data(), r.data.size()};
}

asio::const_buffer buffer_of(std::string_view text) { return {text.data(), text.size()}; }

} // namespace

template <class Handler> struct connection::sleeper_of final : sleeper {
  explicit sleeper_of(Handler h) : handler{std::move(h)} {}
  void go() override {
    auto h = std::move(handler);
    h();
  }
  Handler handler;
};

connection::connection(std::shared_ptr<loop> on, tcp::socket socket)
    : loop_{std::move(on)}, socket_{std::move(socket)}, parser_{loop_->options.parser}, buffer_(buffer_bytes_first) {}

// co_await stands alone in its statement: g++ 12 makes wrong code for it inside && and ||.

// ---------------------------------------------------------------- the course of a connection

asio::awaitable<void> connection::run() {
  boost::system::error_code ignored; // a peer that is gone shows at the first read
  socket_.set_option(tcp::no_delay{true}, ignored);
  socket_.non_blocking(true, ignored);
  if (turned_away_)
    co_await refuse(503, "too many connections; try again later");
  else
    while (co_await read_request())
      if (!co_await serve()) break;
  if (!cut_) co_await linger();
  socket_.close(ignored);
}

void connection::wait_for(waiting what, std::chrono::milliseconds time) {
  waiting_ = what;
  since_ = std::chrono::steady_clock::now();
  time_ = time;
  deadline_ = since_ + time;
}

void connection::moved(std::size_t bytes) {
  std::chrono::duration<double> earned{static_cast<double>(bytes) / loop_->options.bytes_per_s_min};
  deadline_ = std::min(deadline_ + std::chrono::duration_cast<instant::duration>(earned),
                       std::chrono::steady_clock::now() + time_);
}

void connection::check(instant now) {
  if (now < deadline_) return;
  switch (waiting_) {
  case waiting::first_byte:
  case waiting::head:
  case waiting::body: {
    timed_out_ = true;
    boost::system::error_code ignored;
    socket_.cancel(ignored);
    return;
  }
  case waiting::answer:
    if (!answer_) answer_ = took_too_long();
    return wake();
  case waiting::chunk: heartbeat_due_ = true; return wake();
  case waiting::write:
  case waiting::linger: return cut();
  }
}

void connection::cut() {
  cut_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  wake();
}

void connection::wind_down() {
  ending_ = true;
  bool nothing_came = waiting_ == waiting::head && begin_ == end_ && parser_.request().target.empty();
  if (waiting_ == waiting::first_byte || waiting_ == waiting::linger || nothing_came)
    cut();
  else
    wake();
}

// ---------------------------------------------------------------- reading

asio::awaitable<bool> connection::read_request() {
  const auto& o = loop_->options;
  parser_.reset();
  if (loop_->winding_down() && begin_ == end_) co_return false;
  if (served_one_)
    wait_for(waiting::first_byte, o.idle_time);
  else
    wait_for(waiting::head, o.header_time);
  for (;;) {
    if (begin_ < end_) {
      if (waiting_ == waiting::first_byte) wait_for(waiting::head, o.header_time);
      begin_ += parser_.feed({buffer_.data() + begin_, end_ - begin_});
    }
    if (parser_.at() == http_parser::stage::complete) co_return true;
    if (parser_.at() == http_parser::stage::refused) {
      co_await refuse(parser_.refusal_status(), parser_.refusal_reason());
      co_return false;
    }
    if (parser_.at() == http_parser::stage::body && waiting_ != waiting::body) {
      if (auto refusal = check_head()) {
        co_await answer_last(*refusal);
        co_return false;
      }
      if (parser_.expects_continue() && begin_ == end_) co_await write(buffer_of("HTTP/1.1 100 Continue\r\n\r\n"));
      wait_for(waiting::body, o.body_time);
      moved(parser_.request().body.size()); // what came with the head
    }
    bool more = co_await read_more();
    if (!more) co_return false;
  }
}

asio::awaitable<bool> connection::read_more() {
  if (!room_to_read()) {
    co_await refuse(400, "a chunk's header is too long");
    co_return false;
  }
  auto [ec, bytes] =
      co_await socket_.async_read_some(asio::buffer(buffer_.data() + end_, buffer_.size() - end_), token);
  end_ += bytes;
  if (waiting_ == waiting::body) moved(bytes);
  if (!ec && !timed_out_) co_return true;
  bool has_begun = end_ > begin_ || !parser_.request().target.empty();
  if (timed_out_ && has_begun && !cut_) co_await refuse(408, "the request came too slowly");
  co_return false;
}

bool connection::room_to_read() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ < buffer_.size()) return true;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
    return true;
  }
  auto most = loop_->options.parser.header_bytes_max + buffer_bytes_first;
  if (buffer_.size() >= most) return false;
  buffer_.resize(most);
  return true;
}

std::optional<http_response> connection::check_head() const {
  if (!loop_->options.check_head) return {};
  try {
    return loop_->options.check_head(parser_.request());
  } catch (const std::exception& e) {
    log::error("http head check threw", {{"what", e.what()}});
    return error_response(500, "internal error");
  }
}

asio::awaitable<void> connection::refuse(int status, std::string_view reason) {
  if (loop_->options.refused) loop_->options.refused(status);
  auto r = error_response(status, reason);
  co_await answer_last(r);
}

/// After it the connection is closed.
asio::awaitable<void> connection::answer_last(const http_response& r) {
  const auto& request = parser_.request();
  write_head(out_, r, {.http_1_0 = request.http_1_0, .keep_alive = false, .date = loop_->date});
  auto body = request.method == http_method::head ? asio::const_buffer{} : buffer_of(r);
  co_await write(buffer_of(out_), body);
}

// ---------------------------------------------------------------- answering

void connection::answer(std::uint64_t request, http_response response) {
  auto take = [self = shared_from_this(), request, r = std::move(response)]() mutable {
    if (request != self->serial_ || self->waiting_ != waiting::answer || self->answer_) return;
    self->answer_ = std::move(r);
    self->wake();
  };
  if (loop_->on_this_thread() && in_call_)
    take();
  else
    loop_->post(std::move(take));
}

void connection::call_handler() {
  ++serial_;
  answer_.reset();
  wait_for(waiting::answer, loop_->options.answer_time);
  in_call_ = true;
  try {
    loop_->handler(parser_.request(), http_reply{shared_from_this(), serial_});
  } catch (const std::exception& e) {
    log::error("http handler threw", {{"what", e.what()}});
    answer_ = error_response(500, "internal error");
  }
  in_call_ = false;
}

/// Nobody knows whether the request took effect. What makes something new must then not be repeated by an SDK by
/// itself, unless a key makes that safe.
http_response connection::took_too_long() const {
  if (loop_->options.refused) loop_->options.refused(503);
  const auto& request = parser_.request();
  auto r = error_response(503, "the request took too long: it may or may not have taken effect", "timeout");
  if (request.method == http_method::post && request.header("idempotency-key").empty())
    r.add("x-should-retry", "false");
  return r;
}

/// True: the connection goes on.
asio::awaitable<bool> connection::serve() {
  call_handler();
  while (!answer_ && !cut_) co_await woken();
  if (cut_) co_return false;
  auto r = std::move(*answer_);
  const auto& request = parser_.request();
  bool keep = request.keep_alive && !r.close && !r.stream_endless && !loop_->winding_down();
  write_head(out_, r, {.http_1_0 = request.http_1_0, .keep_alive = keep, .date = loop_->date});
  served_one_ = true;
  bool sent = false;
  if (request.method == http_method::head || r.status == 204 || r.status == 304)
    sent = co_await write(buffer_of(out_));
  else if (r.stream)
    sent = co_await send_stream(r);
  else
    sent = co_await write(buffer_of(out_), buffer_of(r));
  co_return sent&& keep;
}

asio::awaitable<bool> connection::write(asio::const_buffer a, asio::const_buffer b) {
  std::array parts{a, b};
  wait_for(waiting::write, loop_->options.write_time);
  while (parts[0].size() + parts[1].size() > 0) {
    boost::system::error_code ec;
    auto bytes = socket_.write_some(parts, ec); // mostly all at once, without a turn through the reactor
    if (ec == asio::error::would_block) std::tie(ec, bytes) = co_await socket_.async_write_some(parts, token);
    if (ec) cut_ = true;
    if (cut_) co_return false;
    moved(bytes);
    auto first = std::min(bytes, parts[0].size());
    parts[0] += first;
    parts[1] += bytes - first;
  }
  co_return true;
}

// ---------------------------------------------------------------- streams

asio::awaitable<bool> connection::send_stream(http_response& r) {
  bool framed = r.stream_endless && !parser_.request().http_1_0;
  bool begun = co_await write(buffer_of(out_));
  if (!begun) co_return false;
  if (r.stream_endless) watch_for_close();
  std::uint64_t sent = 0;
  while (co_await next_chunk(*r.stream, r.stream_endless)) {
    if (!*chunk_) co_return cut(), false;
    auto data = **chunk_;
    if (data.empty()) break;
    sent += data.size();
    bool written = co_await write_chunk({data.data(), data.size()}, framed);
    if (!written) co_return false;
  }
  r.stream.reset();
  if (cut_) co_return false;
  if (!r.stream_endless && sent != r.stream_bytes) co_return cut(), false; // the client must see that it is cut off
  if (framed) co_return co_await write(buffer_of("0\r\n\r\n"));
  co_return true;
}

/// True: chunk_ is there.
asio::awaitable<bool> connection::next_chunk(body_stream& s, bool endless) {
  chunk_.reset();
  auto take = [self = shared_from_this(), n = ++chunk_serial_](body_stream::chunk c) {
    self->soon([self, n, c = std::move(c)]() mutable {
      if (n != self->chunk_serial_) return;
      self->chunk_ = std::move(c);
      self->wake();
    });
  };
  in_call_ = true;
  s.next(std::move(take));
  in_call_ = false;
  for (;;) {
    heartbeat_due_ = false;
    wait_for(waiting::chunk, endless ? loop_->options.heartbeat_time : loop_->options.answer_time);
    while (!chunk_ && !cut_ && !(endless && ending_) && !heartbeat_due_) co_await woken();
    if (cut_ || (endless && ending_)) co_return false;
    if (chunk_) co_return true;
    if (!endless) co_return cut(), false;
    auto text = s.heartbeat();
    bool written = co_await write_chunk(buffer_of(text), !parser_.request().http_1_0);
    if (!written) co_return false;
  }
}

asio::awaitable<bool> connection::write_chunk(asio::const_buffer data, bool framed) {
  if (!framed) co_return co_await write(data);
  if (data.size() == 0) co_return true;
  char size[24];
  std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  out_.assign(size);
  out_.append(static_cast<const char*>(data.data()), data.size()); // events are small
  out_ += "\r\n";
  co_return co_await write(buffer_of(out_));
}

/// Nothing is read while an endless stream runs, so the end of the connection must be looked for.
void connection::watch_for_close() {
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](const boost::system::error_code& failed) {
    if (failed) return;
    char byte;
    boost::system::error_code ec;
    self->socket_.receive(asio::buffer(&byte, 1), tcp::socket::message_peek, ec);
    if (!ec || ec == asio::error::would_block) return; // it sends something: heartbeats will find out about its end
    self->ending_ = true;
    self->wake();
  });
}

/// Closing with unread bytes would reset the connection and could destroy our last answer on its way.
asio::awaitable<void> connection::linger() {
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  wait_for(waiting::linger, loop_->options.linger_time);
  buffer_.resize(buffer_bytes_first);
  for (;;) {
    auto [ec, bytes] = co_await socket_.async_read_some(asio::buffer(buffer_), token);
    if (ec || cut_) co_return;
  }
}

// ---------------------------------------------------------------- waiting for others

asio::awaitable<void> connection::woken() {
  return asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
      [this](auto handler) { asleep_ = std::make_unique<sleeper_of<decltype(handler)>>(std::move(handler)); },
      asio::use_awaitable);
}

void connection::wake() {
  if (auto sleeping = std::move(asleep_)) sleeping->go();
}

void connection::soon(std::function<void()> change) {
  if (loop_->on_this_thread() && in_call_)
    change();
  else
    loop_->post(std::move(change));
}

} // namespace reel::http_inside
