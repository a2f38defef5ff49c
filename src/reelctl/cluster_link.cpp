#include "src/reelctl/cluster_link.hpp"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace reel::ctl {

namespace fs = std::filesystem;

namespace {

/// Held as long as the file is open, by this process alone; false: another one has it.
bool lock_byte(int fd, int at) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = at;
  lock.l_len = 1;
  return ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

/// The strongest first; persons' own keys before those that several share.
node_id strongest_key(const std::string& keys_dir) {
  node_id best;
  std::pair<int, bool> strength{-1, false};
  std::error_code bad;
  for (const auto& entry : fs::directory_iterator{keys_dir, bad}) {
    const node_id key{entry.path().stem().string()};
    const auto right = right_of(key);
    if (entry.path().extension() != ".secret" || !right) continue;
    const std::pair<int, bool> mine{static_cast<int>(*right), key.value.find('.') != std::string::npos};
    if (mine > strength || (mine == strength && key < best)) {
      strength = mine;
      best = key;
    }
  }
  return best;
}

} // namespace

cluster_link::~cluster_link() {
  visits_.clear();
  if (seat_file_ >= 0) ::close(seat_file_);
}

const cluster_config& cluster_link::config(const cluster_address& a) {
  if (address_ != a) {
    visits_.clear();
    config_.reset();
    key_ = {};
    lost_ = false;
  }
  if (!config_) config_ = read_cluster_config(a.config, a.data_dir);
  address_ = a;
  return *config_;
}

node_id cluster_link::key(const cluster_address& a) {
  const auto& c = config(a);
  if (!key_.value.empty()) return key_;
  const node_id key = a.key.empty() ? strongest_key(c.keys_dir) : node_id{a.key};
  if (key.value.empty())
    throw std::runtime_error{c.keys_dir + ": no operator's key (admin.secret, operator.secret, viewer.secret, or "
                                          "operator.NAME.secret); `reelctl keygen` makes them"};
  if (!right_of(key))
    throw std::runtime_error{"--as '" + key.value +
                             "': allowed are admin, operator and viewer, alone or like "
                             "operator.alice"};
  take_seat(c.keys_dir, key);
  return key_ = key;
}

/// Of which nobody else on this machine knows; where that cannot be told, by chance.
void cluster_link::take_seat(const std::string& keys_dir, const node_id& key) {
  if (seat_file_ >= 0) ::close(seat_file_);
  seat_ = 1 + ::getpid() % operator_seats;
  seat_file_ = ::open((fs::path{keys_dir} / (key.value + ".secret")).c_str(), O_RDWR | O_CLOEXEC);
  if (seat_file_ < 0) return;
  constexpr int behind_its_text = 4096;
  for (int i = 0; i < operator_seats; ++i) {
    const int seat = 1 + (seat_ - 1 + i) % operator_seats;
    if (!lock_byte(seat_file_, behind_its_text + seat)) continue;
    seat_ = seat;
    return;
  }
}

link_visit& cluster_link::begin(const cluster_address& a, node_role host) {
  const auto& c = config(a);
  const auto& node = c.node_with(host);
  auto& v = visits_[node.id];
  if (v) return *v;
  const auto who = key(a);
  zmq_link_options o{.self = seat_of(who, seat_),
                     .epoch = draw_epoch(),
                     .listen = {},
                     .keys = load_key_files(c.keys_dir, who),
                     .peers = {{node.id, node.listen, load_public_key(c.keys_dir, node.id), {}}}};
  o.linger = std::chrono::milliseconds{50}; // it has its answers
  v = std::make_unique<link_visit>(node.id, std::move(o));
  return *v;
}

void cluster_link::prepare(const cluster_address& a) {
  try {
    begin(a, node_role::scheduler);
  } catch (const std::exception&) { // the first question says it
  }
}

link_visit& cluster_link::visit_of(const cluster_address& a, node_role host, bool& fresh) {
  const auto& node = config(a).node_with(host).id;
  // A connection that was lost may be another program's now, which used the same seat: its epoch is not taken again.
  if (const auto there = visits_.find(node); there != visits_.end() && there->second->is_lost()) visits_.erase(there);
  const auto there = visits_.find(node);
  fresh = there == visits_.end() || !there->second->is_up();
  auto& v = begin(a, host);
  if (v.wait_until_up()) {
    lost_ = false;
    return v;
  }
  lost_ = true;
  throw api_error{0, node.value + " does not answer on its link address (" + config(a).node_with(host).listen +
                         "); does it run, and is the key '" + key(a).value + "' known there since its start?"};
}

void cluster_link::drop(node_role host) {
  if (config_) visits_.erase(config_->node_with(host).id);
  lost_ = true;
}

cluster_link::condition cluster_link::state() const {
  if (lost_) return condition::lost;
  if (visits_.empty()) return condition::unused;
  const auto any = [this](auto is) {
    return std::ranges::any_of(visits_, [&is](const auto& one) { return is(*one.second); });
  };
  if (any([](link_visit& v) { return v.is_up(); })) return condition::up;
  return any([](link_visit& v) { return v.is_lost(); }) ? condition::lost : condition::connecting;
}

} // namespace reel::ctl
