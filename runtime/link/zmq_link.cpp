#include "runtime/link/zmq_link.hpp"

#include <mutex>
#include <stdexcept>
#include <thread>

#include "runtime/link/zmq_engine.hpp"
#include "runtime/observe/log.hpp"
#include "runtime/thread_name.hpp"

namespace reel {

namespace {

using namespace std::chrono_literals;

constexpr auto sleep_max = 10s; ///< without any peer there is nothing to wait for but a wake-up

} // namespace

/// What send() and the link's thread have in common. Lock order: engine before queue; nobody but the link's
/// thread waits for the engine.
class zmq_link::shared : zmq_engine::events {
public:
  explicit shared(const zmq_link_options& o) : options_{o}, engine_{std::make_unique<zmq_engine>(o, waits_)} {
    for (const zmq_peer& p : o.peers) engine_->add(p, new_view(p));
    endpoint_ = engine_->endpoint();
  }
  ~shared() override { stop(); }

  void start(link_listener& listener);
  void stop();
  errc send(const node_id& to, packet p);
  std::vector<node_status> peers() const;
  link_counters counters() const;
  void add_peer(const zmq_peer& p);
  void remove_peer(const node_id& id);
  const std::string& endpoint() const { return endpoint_; }

private:
  using peer_view = zmq_engine::peer_view;

  struct command {
    node_id remove; ///< first; empty: nothing
    zmq_peer add;   ///< with a view: then this
    std::shared_ptr<peer_view> view;
  };

  bool on_packet(const node_id& from, packet p) override;
  void on_change(zmq_engine::peer& p) override;

  std::shared_ptr<peer_view> new_view(const zmq_peer& p);
  errc enqueue(const node_id& to, packet&& p, const payload_sum& sum, bool& asleep);
  void post(command c);
  void carry();
  void obey(command& c);
  void run();
  bool publish(bool busy);
  void copy_news(const zmq_engine::peer& p);

  const zmq_link_options options_;
  wait_set waits_;
  std::string endpoint_;
  link_listener* listener_ = nullptr;
  std::thread thread_;

  std::unique_ptr<zmq_engine> engine_;
  std::vector<zmq_engine::taken_packet> carried_; ///< the thread's end of queue_, kept for its memory

  mutable std::mutex queue_mutex_; ///< guards the rest; never held for long
  std::map<node_id, std::shared_ptr<peer_view>> views_;
  std::vector<zmq_engine::taken_packet> queue_; ///< bounded by the windows of all peers
  std::vector<command> commands_;
  link_counters counters_;
  bool asleep_ = false; ///< the thread sleeps or is about to: it has to be woken
  bool stopping_ = false;
};

std::shared_ptr<zmq_engine::peer_view> zmq_link::shared::new_view(const zmq_peer& p) {
  auto view = std::make_shared<peer_view>();
  view->status.id = p.id;
  view->status.endpoint = p.endpoint;
  views_[p.id] = view;
  return view;
}

void zmq_link::shared::start(link_listener& listener) {
  if (listener_) throw std::logic_error("link started twice");
  listener_ = &listener;
  thread_ = std::thread{[this] { run(); }};
}

void zmq_link::shared::stop() {
  {
    std::lock_guard lock{queue_mutex_};
    stopping_ = true;
  }
  waits_.wake();
  if (thread_.joinable()) thread_.join();
  engine_.reset();
}

errc zmq_link::shared::send(const node_id& to, packet p) {
  const auto sum = sum_of(p.body, p.attachments); // the checksum is the costly part: here, before any lock
  if (!sum) return sum.error();
  bool asleep = false;
  const errc taken = enqueue(to, std::move(p), *sum, asleep);
  if (asleep) waits_.wake();
  return taken;
}

errc zmq_link::shared::enqueue(const node_id& to, packet&& p, const payload_sum& sum, bool& asleep) {
  const session::options& limits = options_.conversation;
  const std::size_t bytes = frame_header_bytes + sum.payload_bytes;
  std::lock_guard lock{queue_mutex_};
  const auto it = views_.find(to);
  if (it == views_.end() || stopping_) return errc::unreachable;
  peer_view& v = *it->second;
  if (v.status.state != peer_state::up && v.status.state != peer_state::suspect) return errc::unreachable;
  const bool full = v.taken_frames - v.released_frames >= limits.window_frames ||
                    v.taken_bytes - v.released_bytes + bytes > limits.window_bytes;
  if (full) return errc::queue_full;
  ++v.taken_frames;
  v.taken_bytes += bytes;
  queue_.push_back({v.inside, v.life, std::move(p), sum});
  asleep = std::exchange(asleep_, false); // one wake-up for a whole burst
  return errc::ok;
}

/// Takes both lists at once, packets first: a queued packet points to its peer, and a command that came after it
/// may end that peer. Whatever is queued from now on belongs to the next call, as do its commands.
void zmq_link::shared::carry() {
  std::vector<command> commands;
  {
    std::lock_guard lock{queue_mutex_};
    carried_.swap(queue_);
    commands.swap(commands_);
  }
  for (auto& t : carried_) engine_->take(std::move(t));
  carried_.clear();
  for (command& c : commands) obey(c);
}

void zmq_link::shared::obey(command& c) {
  engine_->remove(c.remove);
  if (!c.view) return;
  try {
    engine_->add(c.add, std::move(c.view));
  } catch (const std::exception& e) { // no more sockets: this peer stays unreachable, the others work on
    log::error("link cannot add a peer", {{"peer", c.add.id.value}, {"why", e.what()}});
  }
}

void zmq_link::shared::run() {
  name_this_thread("link");
  while (true) {
    carry();
    const bool busy = engine_->turn(std::chrono::steady_clock::now(), *this);
    if (!publish(busy)) continue;
    const auto until_due = engine_->due() - std::chrono::steady_clock::now();
    waits_.wait(std::chrono::ceil<std::chrono::milliseconds>(std::clamp<instant::duration>(until_due, 0s, sleep_max)));
    std::lock_guard lock{queue_mutex_};
    asleep_ = false;
    if (stopping_) break;
  }
  carry();
  engine_->pump(std::chrono::steady_clock::now());
}

/// Shows the outside what happened; true when the thread may sleep.
bool zmq_link::shared::publish(bool busy) {
  std::lock_guard lock{queue_mutex_};
  engine_->take_news([this](const zmq_engine::peer& p) { copy_news(p); });
  counters_ = engine_->counters();
  asleep_ = stopping_ || (!busy && queue_.empty() && commands_.empty() && !engine_->stirred());
  return asleep_;
}

void zmq_link::shared::copy_news(const zmq_engine::peer& p) {
  peer_view& v = *p.view;
  v.status.frames_sent = p.frames_sent;
  v.status.frames_received = p.frames_received;
  v.heard_at = p.heard_at;
  v.released_frames = p.dropped_frames + p.conversation.released_frames();
  v.released_bytes = p.dropped_bytes + p.conversation.released_bytes();
}

bool zmq_link::shared::on_packet(const node_id& from, packet p) {
  listener_->on_packet(from, std::move(p));
  std::lock_guard lock{queue_mutex_};
  return !queue_.empty();
}

void zmq_link::shared::on_change(zmq_engine::peer& p) {
  {
    std::lock_guard lock{queue_mutex_};
    copy_news(p);
    p.view->inside = &p;
    p.view->life = p.conversation.life();
    p.view->status.state = p.conversation.state();
    p.view->status.epoch = p.conversation.peer();
  }
  listener_->on_peer(p.config.id, p.conversation.peer(), p.conversation.state());
}

std::vector<node_status> zmq_link::shared::peers() const {
  const instant now = std::chrono::steady_clock::now();
  std::lock_guard lock{queue_mutex_};
  std::vector<node_status> all;
  for (const auto& [id, view] : views_) {
    node_status s = view->status;
    const auto silence = std::max(now - view->heard_at, instant::duration::zero());
    if (s.epoch != node_epoch{})
      s.silent_ms = static_cast<std::uint64_t>(std::chrono::floor<std::chrono::milliseconds>(silence).count());
    all.push_back(std::move(s));
  }
  return all;
}

link_counters zmq_link::shared::counters() const {
  std::lock_guard lock{queue_mutex_};
  return counters_;
}

void zmq_link::shared::post(command c) {
  {
    std::lock_guard lock{queue_mutex_};
    views_.erase(c.remove);
    if (!c.add.id.value.empty()) c.view = new_view(c.add);
    commands_.push_back(std::move(c));
  }
  waits_.wake();
}

void zmq_link::shared::add_peer(const zmq_peer& p) {
  check_peer(options_, p);
  post({.remove = p.id, .add = p});
}

void zmq_link::shared::remove_peer(const node_id& id) { post({.remove = id}); }

zmq_link::zmq_link(zmq_link_options o) {
  check_options(o);
  shared_ = std::make_unique<shared>(o);
}

zmq_link::~zmq_link() = default;
void zmq_link::start(link_listener& listener) { shared_->start(listener); }
void zmq_link::stop() { shared_->stop(); }
std::string zmq_link::endpoint() const { return shared_->endpoint(); }
errc zmq_link::send(const node_id& to, packet p) { return shared_->send(to, std::move(p)); }
std::vector<node_status> zmq_link::peers() const { return shared_->peers(); }
link_counters zmq_link::counters() const { return shared_->counters(); }
void zmq_link::add_peer(const zmq_peer& peer) { shared_->add_peer(peer); }
void zmq_link::remove_peer(const node_id& id) { shared_->remove_peer(id); }

} // namespace reel
