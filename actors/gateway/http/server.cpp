#include "actors/gateway/http/server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <ctime>
#include <stdexcept>
#include <thread>

#include "actors/gateway/http/connection.hpp"
#include "actors/gateway/http/response_head.hpp"
#include "runtime/observe/log.hpp"
#include "runtime/thread_name.hpp"

namespace reel::http_inside {

namespace {

constexpr auto token = asio::as_tuple(asio::use_awaitable);
thread_local const loop* current_loop = nullptr;

/// Connections above the limit that are being told so, or whose places are just coming free.
constexpr std::size_t beyond_max = 64;

std::string http_date(std::time_t now) {
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[40];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return text;
}

std::chrono::milliseconds tick_of(const http_options& o) {
  auto least = std::min({o.header_time, o.body_time, o.write_time, o.idle_time, o.answer_time, o.heartbeat_time,
                         o.linger_time, o.stop_time});
  return std::clamp(least / 10, std::chrono::milliseconds{5}, std::chrono::milliseconds{100});
}

} // namespace

loop::loop(const http_options& o, http_handler h) : options{o}, handler{std::move(h)}, tick_time_{tick_of(o)} {}

bool loop::on_this_thread() const { return current_loop == this; }

void loop::run() {
  name_this_thread("http");
  current_loop = this;
  tick();
  context.run(); // ends when neither ticker, acceptor nor connections are left
  closed_ = true;
  inbox_.take_all();
  current_loop = nullptr;
}

void loop::post(std::function<void()> task) {
  bool first = inbox_.push(std::move(task));
  if (closed_)
    inbox_.take_all(); // nobody will come for it any more
  else if (first)
    asio::post(context, [this] { run_inbox(); });
}

void loop::run_inbox() {
  for (auto& task : inbox_.take_all()) task();
}

void loop::tick() {
  auto now = std::chrono::steady_clock::now();
  date = http_date(std::time(nullptr));
  std::vector<connection*> open{connections_.begin(), connections_.end()}; // check() may end a connection
  for (auto* one : open)
    if (!connections_.contains(one))
      continue;
    else if (winding_down_ && now >= cut_at_)
      one->cut();
    else
      one->check(now);
  if (winding_down_ && connections_.empty()) return;
  ticker_.expires_after(tick_time_);
  ticker_.async_wait([this](const boost::system::error_code&) { tick(); });
}

void loop::wind_down() {
  winding_down_ = true;
  cut_at_ = std::chrono::steady_clock::now() + options.stop_time;
  std::vector<connection*> open{connections_.begin(), connections_.end()};
  for (auto* one : open)
    if (connections_.contains(one)) one->wind_down();
  ticker_.cancel(); // looks at once whether anything is left
}

void loop::adopt(tcp::socket socket) {
  bool full = ++*options.open > options.connections_max;
  auto fresh = std::make_shared<connection>(shared_from_this(), std::move(socket));
  post([this, fresh, full] {
    if (full && !make_room()) fresh->turn_away();
    connections_.insert(fresh.get());
    if (winding_down_) fresh->wind_down();
    asio::co_spawn(context, fresh->run(), [this, fresh](std::exception_ptr failure) {
      connections_.erase(fresh.get());
      --*options.open;
      if (failure) std::rethrow_exception(failure);
    });
  });
}

void loop::make_room_later() {
  post([this] { make_room(); });
}

bool loop::make_room() {
  connection* oldest = nullptr;
  for (auto* one : connections_)
    if (one->is_quiet() && (!oldest || one->waits_since() < oldest->waits_since())) oldest = one;
  if (oldest) oldest->cut();
  return oldest != nullptr;
}

} // namespace reel::http_inside

namespace reel {

using namespace http_inside;

struct http_server::impl {
  impl(http_options o, http_handler handler);

  void listen();
  asio::awaitable<void> accept_all();
  void turn_away(tcp::socket& socket);

  http_options options;
  std::vector<std::shared_ptr<loop>> loops;
  std::optional<tcp::acceptor> acceptor; ///< used on the first loop's thread
  std::uint16_t port = 0;
  std::vector<std::thread> threads;
};

http_server::impl::impl(http_options o, http_handler handler) : options{std::move(o)} {
  if (!options.open) options.open = std::make_shared<std::atomic<std::size_t>>(0);
  for (int i = 0; i < std::clamp(options.threads, 1, 64); ++i)
    loops.push_back(std::make_shared<loop>(options, handler));
  listen();
}

void http_server::impl::listen() {
  auto where = options.address + ':' + std::to_string(options.port);
  boost::system::error_code ec;
  auto address = asio::ip::make_address(options.address, ec);
  if (ec) throw std::runtime_error{"cannot listen on " + where + ": not an IP address"};
  tcp::endpoint endpoint{address, options.port};
  auto& a = acceptor.emplace(loops.front()->context);
  a.open(endpoint.protocol(), ec);
  if (!ec) a.set_option(tcp::acceptor::reuse_address{true}, ec);
  if (!ec) a.bind(endpoint, ec);
  if (!ec) a.listen(1024, ec);
  if (ec) throw std::runtime_error{"cannot listen on " + where + ": " + ec.message()};
  port = a.local_endpoint().port();
}

asio::awaitable<void> http_server::impl::accept_all() {
  for (std::size_t next = 0;; next = (next + 1) % loops.size()) {
    tcp::socket socket{loops[next]->context};
    auto [ec] = co_await acceptor->async_accept(socket, token);
    if (ec == asio::error::operation_aborted || !acceptor->is_open()) co_return;
    if (ec) { // out of file descriptors: the connections that are there go on, all but a quiet one
      log::warn("http accept failed", {{"reason", ec.message()}});
      loops[next]->make_room_later();
      asio::steady_timer pause{loops.front()->context, std::chrono::milliseconds{100}};
      co_await pause.async_wait(token);
    } else if (*options.open >= options.connections_max + beyond_max)
      turn_away(socket);
    else
      loops[next]->adopt(std::move(socket));
  }
}

/// A last attempt, for which nobody waits: the answer is lost if the client has sent more than it reads.
void http_server::impl::turn_away(tcp::socket& socket) {
  if (options.refused) options.refused(503);
  auto r = error_response(503, "too many connections; try again later");
  std::string text;
  write_head(text, r, {.keep_alive = false, .date = http_date(std::time(nullptr))});
  text += r.body;
  boost::system::error_code ignored; // the client may be gone already
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(text), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

http_server::http_server(http_options options, http_handler handler)
    : impl_{std::make_unique<impl>(std::move(options), std::move(handler))} {
  asio::co_spawn(impl_->loops.front()->context, impl_->accept_all(), asio::detached);
  for (auto& one : impl_->loops) impl_->threads.emplace_back([one] { one->run(); });
}

http_server::~http_server() { stop(); }

std::uint16_t http_server::port() const { return impl_->port; }
std::size_t http_server::connections() const { return *impl_->options.open; }

void http_server::stop() {
  if (impl_->threads.empty()) return;
  impl_->loops.front()->post([acceptor = &*impl_->acceptor] {
    boost::system::error_code ignored;
    acceptor->close(ignored);
  });
  for (auto& one : impl_->loops) one->post([one = one.get()] { one->wind_down(); });
  for (auto& thread : impl_->threads) thread.join();
  impl_->threads.clear();
}

} // namespace reel
