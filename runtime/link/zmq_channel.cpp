#include "runtime/link/zmq_channel.hpp"

#include <cstring>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace reel {

namespace {

constexpr int channel_hwm = 1024;                 ///< frames in libzmq's hands; the window behind it bounds the bytes
constexpr std::size_t curve_overhead_bytes = 256; ///< MAXMSGSIZE sees the encrypted frame; it is 33 bytes longer
constexpr std::size_t copy_below_bytes = 1024;    ///< sharing costs two allocations, copying less than that
constexpr std::size_t zap_request_parts = 7;
constexpr int handshake_failed =
    ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
constexpr int dialer_events =
    ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED | handshake_failed;

[[noreturn]] void throw_errno(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

/// A message that shares the blob's bytes; libzmq frees it from its own thread.
zmq::message_t shared_message(const blob& b) {
  if (b.size() < copy_below_bytes) return zmq::message_t{b.data(), b.size()};
  using owner = std::shared_ptr<const std::uint8_t>;
  auto* held = new owner{b.owner()};
  auto release = [](void*, void* hint) { delete static_cast<owner*>(hint); };
  return zmq::message_t{const_cast<std::uint8_t*>(b.data()), b.size(), release, held}; // libzmq only reads
}

zmq::message_t first_message(const outgoing_frame& f) {
  static const blob none;
  zmq::message_t m{first_part_bytes(f.sum)};
  write_first_part(f.header, f.sum, f.payload ? f.payload->body : none, m.data<std::uint8_t>());
  return m;
}

} // namespace

wait_set::wait_set() : epoll_{::epoll_create1(EPOLL_CLOEXEC)}, event_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
  if (epoll_ < 0 || event_ < 0) throw_errno("link: cannot wait on sockets");
  add(event_, &woken_);
}

wait_set::~wait_set() {
  ::close(epoll_);
  ::close(event_);
}

void wait_set::add(int fd, bool* ready) {
  epoll_event e{.events = EPOLLIN, .data = {.ptr = ready}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e) != 0) throw_errno("link: cannot wait on sockets");
}

void wait_set::remove(int fd) { ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr); }

void wait_set::wait(std::chrono::milliseconds at_most) {
  epoll_event events[16];
  const int n = ::epoll_wait(epoll_, events, 16, static_cast<int>(at_most.count()));
  for (int i = 0; i < n; ++i) *static_cast<bool*>(events[i].data.ptr) = true;
  std::uint64_t count;
  if (woken_ && ::read(event_, &count, sizeof count) > 0) woken_ = false;
}

void wait_set::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] auto written = ::write(event_, &one, sizeof one); // full means awake already
}

polled_socket::polled_socket(zmq::context_t& context, int type, wait_set& waits)
    : socket_{context, type}, waits_{waits} {}

polled_socket::~polled_socket() {
  if (fd_ >= 0) waits_.remove(fd_);
}

void polled_socket::start() {
  fd_ = socket_.get(zmq::sockopt::fd);
  waits_.add(fd_, &ready_);
}

bool polled_socket::receive(zmq::message_t& part) {
  if (zmq_msg_recv(part.handle(), socket_.handle(), ZMQ_DONTWAIT) >= 0) return true;
  if (errno != EINTR) ready_ = used_ = false; // EAGAIN: quiet until the descriptor says otherwise
  return false;
}

bool polled_socket::send(zmq::message_t& part, bool more) {
  used_ = true;
  return zmq_msg_send(part.handle(), socket_.handle(), ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >= 0;
}

send_result zmq_channel::send(const std::string& routing_id, const outgoing_frame& f) {
  if (type_ == ZMQ_ROUTER) {
    zmq::message_t to{routing_id.data(), routing_id.size()};
    if (!socket.send(to, true)) return errno == EAGAIN ? send_result::full : send_result::gone;
  }
  std::size_t rest = f.sum.attachments + has_body_part(f.sum);
  auto first = first_message(f);
  bool ok = socket.send(first, rest > 0);
  if (!ok && type_ == ZMQ_DEALER) return send_result::full; // nothing was begun
  auto send_rest = [&](const blob& b) {
    auto part = shared_message(b);
    ok = socket.send(part, --rest > 0) && ok; // a message once begun must be ended, or the next would be its rest
  };
  if (has_body_part(f.sum)) send_rest(f.payload->body);
  if (f.sum.attachments > 0)
    for (const blob& a : f.payload->attachments) send_rest(a);
  return ok ? send_result::sent : send_result::full;
}

bool zmq_channel::receive(incoming_frame& f) {
  f.parts.clear();
  f.too_many_parts = false;
  bool more = true;
  if (type_ == ZMQ_ROUTER) {
    zmq::message_t from;
    if (!socket.receive(from)) return false;
    f.routing_id.assign(from.data<char>(), from.size());
    more = from.more();
  }
  while (more) {
    auto part = std::make_shared<zmq::message_t>();
    if (!socket.receive(*part)) return false; // only ever at the first part: messages arrive whole
    more = part->more();
    if (f.parts.size() == frame_parts_max) {
      f.too_many_parts = true;
      continue;
    }
    if (f.parts.empty()) {
      const char* user = zmq_msg_gets(part->handle(), "User-Id");
      f.user_id = user ? user : "";
    }
    const auto* data = part->data<std::uint8_t>();
    const std::size_t size = part->size();
    f.parts.emplace_back(std::shared_ptr<const std::uint8_t>{std::move(part), data}, size);
  }
  return true;
}

void set_link_options(zmq::socket_t& socket) {
  using namespace zmq;
  socket.set(sockopt::immediate, 1);
  socket.set(sockopt::heartbeat_ivl, 1000);
  socket.set(sockopt::heartbeat_timeout, 3000);
  socket.set(sockopt::heartbeat_ttl, 3000);
  socket.set(sockopt::handshake_ivl, 3000);
  socket.set(sockopt::reconnect_ivl, 100);
  socket.set(sockopt::reconnect_ivl_max, 5000);
  socket.set(sockopt::maxmsgsize, static_cast<std::int64_t>(limits::frame_bytes_max + curve_overhead_bytes));
  socket.set(sockopt::sndhwm, channel_hwm);
  socket.set(sockopt::rcvhwm, channel_hwm);
  socket.set(sockopt::linger, 0); // until stop() says otherwise
}

std::unique_ptr<zmq_channel> listen_on(zmq::context_t& context, wait_set& waits, const std::string& endpoint,
                                       const std::optional<curve_keys>& keys) try {
  auto channel = std::make_unique<zmq_channel>(context, ZMQ_ROUTER, waits);
  zmq::socket_t& s = channel->socket.raw();
  set_link_options(s);
  s.set(zmq::sockopt::router_mandatory, 1);
  if (keys) {
    s.set(zmq::sockopt::curve_server, 1);
    s.set(zmq::sockopt::curve_secretkey, keys->secret_key);
    // ZAP_ENFORCE_DOMAIN is a draft option: instead, a hello without ZAP's User-Id is refused.
    s.set(zmq::sockopt::zap_domain, "reel");
  }
  s.bind(endpoint);
  channel->socket.start();
  return channel;
} catch (const zmq::error_t& e) {
  throw std::runtime_error(endpoint + ": cannot listen: " + e.what());
}

zmq_dialer::zmq_dialer(zmq::context_t& context, wait_set& waits, const zmq_peer& peer,
                       const std::optional<curve_keys>& keys, std::uint64_t number) try
    : channel{context, ZMQ_DEALER, waits}, monitor_{context, ZMQ_PAIR, waits} {
  zmq::socket_t& s = channel.socket.raw();
  set_link_options(s);
  if (keys) {
    s.set(zmq::sockopt::curve_serverkey, peer.public_key);
    s.set(zmq::sockopt::curve_publickey, keys->public_key);
    s.set(zmq::sockopt::curve_secretkey, keys->secret_key);
  }
  const std::string events = "inproc://dialer-" + std::to_string(number);
  if (zmq_socket_monitor(s.handle(), events.c_str(), dialer_events) != 0) throw zmq::error_t{};
  monitor_.raw().connect(events);
  monitor_.start();
  s.connect(peer.endpoint);
  channel.socket.start();
} catch (const zmq::error_t& e) {
  throw std::runtime_error(peer.endpoint + " of node " + peer.id.value + ": cannot connect: " + e.what());
}

zmq_dialer::~zmq_dialer() { zmq_socket_monitor(channel.socket.raw().handle(), nullptr, 0); }

zmq_dialer::news zmq_dialer::read_news() {
  news n;
  zmq::message_t event, address;
  while (monitor_.stirred() && monitor_.receive(event)) {
    std::uint16_t what = 0;
    if (event.size() >= sizeof what) std::memcpy(&what, event.data(), sizeof what);
    if (event.more()) monitor_.receive(address);
    n.any = true;
    n.failures += (what & handshake_failed) != 0;
    n.retrying = what == ZMQ_EVENT_CONNECT_RETRIED;
    n.connected_anew = connected_ = what == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
  }
  return n;
}

zap_server::zap_server(zmq::context_t& context, wait_set& waits) : socket_{context, ZMQ_REP, waits} {
  socket_.raw().bind("inproc://zeromq.zap.01");
  socket_.start();
}

void zap_server::admit(const std::string& public_key, const node_id& owner) {
  std::string key(32, '\0');
  zmq_z85_decode(reinterpret_cast<std::uint8_t*>(key.data()), public_key.c_str());
  owners_[key] = owner;
}

void zap_server::expel(const node_id& owner) {
  std::erase_if(owners_, [&owner](const auto& entry) { return entry.second == owner; });
}

std::size_t zap_server::serve() {
  std::size_t refused = 0;
  zmq::message_t part;
  while (socket_.stirred() && socket_.receive(part)) {
    std::vector<std::string> request{
        part.to_string()}; // version, request id, domain, address, identity, mechanism, key
    while (part.more() && socket_.receive(part)) request.push_back(part.to_string());
    const bool asked = request.size() == zap_request_parts && request[5] == "CURVE";
    const auto owner = asked ? owners_.find(request[6]) : owners_.end();
    const bool known = owner != owners_.end();
    refused += !known;
    request.resize(std::max<std::size_t>(request.size(), 2));
    const std::string answer[] = {
        request[0], request[1], known ? "200" : "400", known ? "OK" : "unknown key", known ? owner->second.value : "",
        ""};
    for (std::size_t i = 0; i < std::size(answer); ++i) {
      part.rebuild(answer[i].data(), answer[i].size());
      socket_.send(part, i + 1 < std::size(answer));
    }
  }
  return refused;
}

} // namespace reel
