// network_test.cpp: Two hosts in namespaces of their own, and what comes through between them.
#include <fmt/format.h>

#include "tests/chaos/victim.hpp"

using namespace reel;
using namespace reel::chaos;
using namespace reel::testing;
using namespace std::chrono_literals;

namespace {

std::string own_name() { return fmt::format("t{}", ::getpid() % 100'000); }
int own_subnet() { return ::getpid() % 250; }

std::string shell(const std::vector<std::string>& words) {
  std::string line;
  for (const auto& w : words) line += w + ' ';
  return line;
}

/// A TCP connection from a host to where bash listens nowhere: refused if the packets come through both ways, else the
/// time runs out. Needs no server.
enum class reach { comes_through, silent };
reach try_reach(const network& net, int from, const std::string& address) {
  auto end = run_command(shell(net.command_on(from)) + "timeout 1 bash -c '</dev/tcp/" + address + "/9'");
  return end.code == 124 ? reach::silent : reach::comes_through;
}

} // namespace

TEST_CASE("a host that is cut off is silent both ways, and comes back") {
  SKIP_IF(network::cannot_run());
  network net{own_name(), 2, own_subnet()};
  CHECK(try_reach(net, 1, net.address(2)) == reach::comes_through);
  CHECK(try_reach(net, 1, net.address_of_machine()) == reach::comes_through);
  CHECK(net.cut_off(2).took_effect);
  CHECK(try_reach(net, 1, net.address(2)) == reach::silent);
  CHECK(try_reach(net, 2, net.address_of_machine()) == reach::silent);
  CHECK(try_reach(net, 1, net.address_of_machine()) == reach::comes_through);
  CHECK(net.reconnect(2).took_effect);
  CHECK(wait_until([&] { return try_reach(net, 1, net.address(2)) == reach::comes_through; }, 60s));
}

TEST_CASE("bandwidth is limited where tc can") {
  SKIP_IF(network::cannot_run());
  network net{own_name(), 1, own_subnet()};
  auto r = net.limit_bandwidth(1, 64'000);
  if (r.skipped_because) SKIP(*r.skipped_because);
  CHECK(r.took_effect);
  CHECK(r.proof.find("64Kbit") != std::string::npos);
  CHECK(net.heal().took_effect);
}

TEST_CASE("packets of one direction are dropped and counted, the other direction goes on") {
  SKIP_IF(network::cannot_run());
  SKIP_IF(network::cannot_filter());
  network net{own_name(), 3, own_subnet()};
  CHECK(net.drop(1, 2).took_effect);
  CHECK(try_reach(net, 1, net.address(2)) == reach::silent);
  CHECK(try_reach(net, 1, net.address(3)) == reach::comes_through);
  CHECK(net.packets_filtered(2) > 0);
  CHECK(net.packets_filtered(3) == 0);
  auto healed = net.heal();
  CHECK(healed.took_effect);
  CHECK_FALSE(healed.proof.starts_with("0 packets"));
  CHECK(try_reach(net, 1, net.address(2)) == reach::comes_through);
}

TEST_CASE("names that are too long are refused, and nothing of a network is left") {
  SKIP_IF(network::cannot_run());
  CHECK_THROWS_AS((network{"far-too-long", 1, 1}), std::runtime_error);
  auto name = own_name();
  { network net{name, 2, own_subnet()}; }
  CHECK(run_command("ip link show").output.find(name + "br") == std::string::npos);
  CHECK(run_command("ip netns list").output.find("reel-" + name) == std::string::npos);
}
