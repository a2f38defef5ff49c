// node_figures.hpp: What every node shows on /metrics, whatever its roles: which build runs here since when, what the
// process takes, its links, its disk, its log. Sampled once a second by the node's observer; one thread at a time.
#pragma once

#include <map>
#include <memory>

#include "actors/config.hpp"
#include "actors/storage/disk_guard.hpp"
#include "runtime/link/zmq_link.hpp"

namespace prometheus {
class Registry;
}

namespace reel {

struct node_facts {
  node_id id;
  std::set<node_role> roles;
  node_epoch epoch;
  std::string data_dir;
};

class node_figures {
public:
  node_figures(const std::shared_ptr<prometheus::Registry>& registry, const node_facts& facts);
  ~node_figures();
  node_figures(const node_figures&) = delete;
  node_figures& operator=(const node_figures&) = delete;

  void ready(bool is_ready); ///< as /readyz says
  void process();
  void log();
  void link(const std::string& name, const link_counters& now); ///< "cluster", "local"
  void peers(const std::vector<node_status>& all);              ///< of the cluster link
  void disk(const disk_space& space);
  void answered(const std::string& actor, std::chrono::nanoseconds took); ///< how long it took to be heard
  void gateway_calls(std::size_t open);

private:
  struct families;
  std::unique_ptr<families> families_;
};

/// Of the file system that a folder is on; nothing is known: zero.
disk_space space_of(const std::string& folder);

} // namespace reel
