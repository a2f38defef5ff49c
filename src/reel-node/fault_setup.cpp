#include "src/reel-node/fault_setup.hpp"

#include <filesystem>

#include "runtime/config.hpp"
#include "runtime/fault/fault_point.hpp"

namespace reel {

namespace {

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address == "::1" || address == "localhost";
}

[[noreturn]] void refuse(const cluster_config& c, const node_config& self, const std::string& why) {
  throw config_error{"--fault-plan: " + c.file + ": node " + self.id.value + ' ' + why};
}

} // namespace

void install_fault_plan(const std::string& plan_file, const cluster_config& c, const node_config& self) {
  if (!self.fault_injection)
    refuse(c, self, "does not say fault_injection = true, without which no faults are injected into it");
  constexpr std::string_view scheme = "tcp://";
  if (!self.listen.empty() && !is_loopback(std::string_view{self.listen}.substr(scheme.size())))
    refuse(c, self, "has listen = \"" + self.listen + "\": allowed with faults is loopback only");
  if (self.has(node_role::gateway) && !is_loopback(c.gateway.address))
    refuse(c, self, "has gateway.address = \"" + c.gateway.address + "\": allowed with faults is loopback only");
  auto file = std::filesystem::absolute(plan_file).string();
  if (!std::filesystem::exists(file)) throw config_error{"--fault-plan: " + file + ": there is no such file"};
  fault::install({file, self.id.value, c.data_dir + "/faults/" + self.id.value});
}

} // namespace reel
