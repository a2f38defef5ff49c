// http/connection.hpp: Inside of http/server.cpp and http/connection.cpp only: an event loop of the server,
// and a connection on it.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <unordered_set>

#include "actors/gateway/burst_inbox.hpp"
#include "actors/gateway/http/server.hpp"
#include "messages/ids.hpp"

namespace reel::http_inside {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

class connection;

/// One thread's loop. Lives until its last connection object is gone, which a late answer may hold.
class loop : public std::enable_shared_from_this<loop> {
public:
  loop(const http_options& o, http_handler handler);

  asio::io_context context{1}; ///< one thread runs it
  const http_options options;
  const http_handler handler;
  std::string date; ///< of the Date header, renewed by tick()

  void run(); ///< until wind_down() and the last connection's end
  void wind_down();
  bool winding_down() const { return winding_down_; }

  /// Any thread. When the server is full, the loop's connection that has been quiet longest makes place; when none
  /// is quiet, the new one is answered 503.
  void adopt(tcp::socket socket);
  void make_room_later(); ///< any thread

  /// Any thread: runs the task on this loop; dropped after the loop's end.
  void post(std::function<void()> task);
  bool on_this_thread() const;

private:
  void run_inbox();
  void tick();
  bool make_room(); ///< false: no connection is quiet

  asio::steady_timer ticker_{context};
  std::chrono::milliseconds tick_time_;
  burst_inbox<std::function<void()>> inbox_;
  std::unordered_set<connection*> connections_;
  bool winding_down_ = false;
  instant cut_at_{};
  std::atomic<bool> closed_{false};
};

/// Reads a request, has it answered, writes the answer, until either side has had enough. Everything runs on
/// the loop's thread, except answer() and post().
class connection final : public http_reply::target, public std::enable_shared_from_this<connection> {
public:
  connection(std::shared_ptr<loop> on, tcp::socket socket);

  asio::awaitable<void> run();
  void check(instant now); ///< called every tick
  void wind_down();
  void cut();                               ///< no more waiting for anything
  void turn_away() { turned_away_ = true; } ///< before run()

  /// Nothing of a request is there yet, or only a part of its head: ending it takes nothing from anybody.
  bool is_quiet() const {
    return !cut_ && !turned_away_ && (waiting_ == waiting::first_byte || waiting_ == waiting::head);
  }
  instant waits_since() const { return since_; }

  void answer(std::uint64_t request, http_response response) override;
  void post(std::function<void()> task) override { loop_->post(std::move(task)); }

private:
  enum class waiting { first_byte, head, body, answer, write, chunk, linger };

  void wait_for(waiting what, std::chrono::milliseconds time);

  /// A slow peer's deadline grows with every byte, but is never farther away than one that just began to wait.
  void moved(std::size_t bytes);

  asio::awaitable<bool> read_request();
  asio::awaitable<bool> read_more();
  bool room_to_read();
  std::optional<http_response> check_head() const;
  asio::awaitable<void> refuse(int status, std::string_view reason);
  asio::awaitable<void> answer_last(const http_response& r);

  asio::awaitable<bool> serve();
  void call_handler();
  http_response took_too_long() const;
  asio::awaitable<bool> write(asio::const_buffer a, asio::const_buffer b = {});
  asio::awaitable<bool> send_stream(http_response& r);
  asio::awaitable<bool> next_chunk(body_stream& s, bool endless);
  asio::awaitable<bool> write_chunk(asio::const_buffer data, bool framed);
  void watch_for_close();
  asio::awaitable<void> linger();

  asio::awaitable<void> woken();
  void wake();
  void soon(std::function<void()> change); ///< now if this connection waits inside a call, else through the loop

  std::shared_ptr<loop> loop_;
  tcp::socket socket_;
  http_parser parser_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0; ///< of what was read and not yet parsed

  waiting waiting_ = waiting::head;
  instant since_ = std::chrono::steady_clock::now(); ///< when the waiting began
  std::chrono::milliseconds time_{};                 ///< for it, without what bytes earn
  instant deadline_{};
  bool timed_out_ = false;
  bool turned_away_ = false;
  bool served_one_ = false;

  std::uint64_t serial_ = 0; ///< of the current request
  bool in_call_ = false;
  std::optional<http_response> answer_;
  std::string out_; ///< the head of the answer

  std::uint64_t chunk_serial_ = 0;
  std::optional<body_stream::chunk> chunk_;
  bool heartbeat_due_ = false;
  bool ending_ = false; ///< an endless stream must end: the client is gone or the server stops
  bool cut_ = false;

  struct sleeper {
    virtual ~sleeper() = default;
    virtual void go() = 0;
  };
  template <class Handler> struct sleeper_of;
  std::unique_ptr<sleeper> asleep_; ///< the coroutine in woken()
};

} // namespace reel::http_inside
