#include <cstdio>
#include <stdexcept>
#include <unistd.h>

#include "src/chaos/drivers.hpp"
#include "src/chaos/system_files.hpp"

namespace reel::chaos {

namespace {

constexpr int hosts_max = 64;

const std::string tools = "PATH=$PATH:/usr/sbin:/sbin ";

/// A bridge and a namespace, made and taken away.
obstacle try_out() {
  auto id = std::to_string(::getpid() % 100000);
  auto space = run_command(tools + "ip netns add reel-try-" + id);
  if (space.code != 0) return "no network namespace can be made: " + space.output;
  auto bridge = run_command(tools + "ip -n reel-try-" + id + " link add reel-try type bridge");
  run_command(tools + "ip netns del reel-try-" + id);
  if (bridge.code != 0) return "no bridge can be made: " + bridge.output;
  return {};
}

} // namespace

obstacle network::cannot_run() {
  if (::geteuid() != 0) return "network namespaces need root";
  if (!has_program("ip")) return "ip is not installed (Debian: iproute2)";
  return try_out();
}

obstacle network::cannot_filter() {
  if (!has_program("nft")) return "nft is not installed (Debian: nftables)";
  return {};
}

network::network(const std::string& name, int hosts, int subnet) : name_{name}, hosts_{hosts}, subnet_{subnet} {
  if (auto why = cannot_run()) throw std::runtime_error{*why};
  if (name.empty() || name.size() > 6 ||
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") != std::string::npos)
    throw std::runtime_error{"network name '" + name + "': allowed are 1 to 6 of a-z 0-9"};
  if (hosts < 1 || hosts > hosts_max || subnet < 0 || subnet > 255)
    throw std::runtime_error{"a network has 1 to 64 hosts, and a subnet from 0 to 255"};
  try {
    must_run(tools + "ip link add " + name_ + "br type bridge");
    must_run(tools + "ip addr add " + address_of_machine() + "/24 dev " + name_ + "br");
    must_run(tools + "ip link set " + name_ + "br up");
    for (int h = 1; h <= hosts_; ++h) {
      auto outside = interface(h);
      must_run(tools + "ip netns add " + space(h));
      must_run(tools + "ip link add " + outside + " type veth peer name eth0 netns " + space(h));
      must_run(tools + "ip link set " + outside + " master " + name_ + "br up");
      must_run(tools + "ip -n " + space(h) + " addr add " + address(h) + "/24 dev eth0");
      must_run(tools + "ip -n " + space(h) + " link set eth0 up");
      must_run(tools + "ip -n " + space(h) + " link set lo up");
    }
  } catch (...) {
    remove();
    throw;
  }
}

network::~network() { remove(); }

void network::remove() {
  for (int h = 1; h <= hosts_; ++h) {
    run_command(tools + "ip link del " +
                interface(h)); // its other end goes with it, and with the namespace's processes
    run_command(tools + "ip netns del " + space(h));
  }
  run_command(tools + "ip link del " + name_ + "br");
}

std::string network::space(int host) const { return "reel-" + name_ + '-' + std::to_string(host); }
std::string network::interface(int host) const { return name_ + 'v' + std::to_string(host); }

std::string network::address(int host) const { return "10.77." + std::to_string(subnet_) + '.' + std::to_string(host); }
std::string network::address_of_machine() const { return address(254); }

std::vector<std::string> network::command_on(int host) const {
  return {"/usr/bin/nsenter", "--net=/run/netns/" + space(host)};
}

driver_result network::cut_off(int host) {
  must_run(tools + "ip link set " + interface(host) + " down");
  auto flags = must_run(tools + "ip -o link show " + interface(host));
  bool is = flags.find(",UP") == std::string::npos && flags.find("<UP") == std::string::npos;
  return {is, interface(host) + (is ? " is down" : " is still up"), {}};
}

driver_result network::reconnect(int host) {
  must_run(tools + "ip link set " + interface(host) + " up");
  auto carrier = "/sys/class/net/" + interface(host) + "/carrier";
  bool is = wait_until([&] { return read_file(carrier).starts_with('1'); });
  return {is, interface(host) + (is ? " is up" : " does not come up"), {}};
}

/// At the receiving host: the sender knows nothing of it.
driver_result network::add_rule(int from, int to, const std::string& rule) {
  if (auto why = cannot_filter()) return skipped(*why);
  auto nft = tools + "ip netns exec " + space(to) + " nft ";
  must_run(nft + "add table ip reel");
  must_run(nft + "'add chain ip reel in { type filter hook input priority 0; }'");
  must_run(nft + "add rule ip reel in ip saddr " + address(from) + ' ' + rule);
  auto list = must_run(nft + "list chain ip reel in");
  bool is = list.find("saddr " + address(from)) != std::string::npos;
  return {is, "rule at host " + std::to_string(to) + " for packets of host " + std::to_string(from), {}};
}

driver_result network::drop(int from, int to, double probability) {
  char chance[64] = "";
  if (probability < 1)
    std::snprintf(chance, sizeof chance, "numgen random mod 1000 '<' %d ", static_cast<int>(probability * 1000));
  return add_rule(from, to, std::string{chance} + "counter drop");
}

driver_result network::refuse(int from, int to) {
  return add_rule(from, to, "ip protocol tcp counter reject with tcp reset");
}

driver_result network::limit_bandwidth(int host, std::uint64_t bits_per_s) {
  if (!has_program("tc")) return skipped("tc is not installed (Debian: iproute2)");
  auto tc = tools + "tc -n " + space(host) + " qdisc ";
  must_run(tc + "replace dev eth0 root tbf rate " + std::to_string(bits_per_s) + "bit burst 16kb latency 400ms");
  auto list = must_run(tc + "show dev eth0");
  bool is = list.find("tbf") != std::string::npos;
  return {is, "host " + std::to_string(host) + ": " + list.substr(0, list.find('\n')), {}};
}

std::uint64_t network::packets_filtered(int to) const {
  auto list = run_command(tools + "ip netns exec " + space(to) + " nft list chain ip reel in").output;
  std::uint64_t sum = 0;
  const std::string key = "counter packets ";
  for (auto at = list.find(key); at != std::string::npos; at = list.find(key, at + 1))
    sum += std::stoull(list.substr(at + key.size()));
  return sum;
}

driver_result network::heal() {
  std::uint64_t filtered = 0;
  bool up = true;
  bool filters = !cannot_filter();
  for (int h = 1; h <= hosts_; ++h) {
    if (filters) {
      filtered += packets_filtered(h);
      run_command(tools + "ip netns exec " + space(h) + " nft delete table ip reel");
    }
    run_command(tools + "tc -n " + space(h) + " qdisc del dev eth0 root");
    up = reconnect(h).took_effect && up;
  }
  return {up, std::to_string(filtered) + " packets were dropped or refused", {}};
}

} // namespace reel::chaos
