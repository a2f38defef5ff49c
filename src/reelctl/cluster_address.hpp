// cluster_address.hpp: Which cluster reelctl asks over the link, and as whom.
#pragma once

#include <string>

namespace reel::ctl {

struct cluster_address {
  std::string config; ///< the cluster's file
  std::string data_dir;
  std::string key; ///< name of the operator's key; empty: the strongest one that is there
  bool operator==(const cluster_address&) const = default;
};

} // namespace reel::ctl
