#include "actors/scheduler/fleet_scaler.hpp"

#include <algorithm>

namespace reel {

namespace {

std::vector<scaled_node> scaled_nodes(const std::map<node_id, scaling_bounds>& nodes,
                                      const std::vector<worker_status>& workers) {
  std::map<node_id, scaled_node> found;
  for (const auto& w : workers) {
    node_id node{w.id.value.substr(0, w.id.value.find('/'))};
    auto bounds = nodes.find(node);
    if (bounds == nodes.end()) continue;
    auto& n = found.try_emplace(node, scaled_node{node, bounds->second, 0}).first->second;
    bool is_leaving = w.state == worker_state::down && w.pid != 0; // stopped, or its node is
    if (w.pid != 0 && !is_leaving) ++n.running;
    if ((w.state == worker_state::ejected || is_leaving) && n.bounds.most > 0) --n.bounds.most;
    n.bounds.least = std::min(n.bounds.least, n.bounds.most);
  }
  std::vector<scaled_node> list;
  for (auto& [id, n] : found) list.push_back(std::move(n));
  return list;
}

} // namespace

fleet_scaler::decision fleet_scaler::update(const std::map<model_id, work_load>& work,
                                            const std::vector<worker_status>& workers, instant now) {
  decision d;
  work_load in_all;
  for (const auto& [model, load] : work) {
    models_.try_emplace(model, options_.scaling, 0);
    in_all.gpu_s += load.gpu_s;
    in_all.jobs += load.jobs;
  }
  for (auto& [model, scaler] : models_) {
    auto load = work.find(model);
    d.by_model[model] = scaler.update(load == work.end() ? work_load{} : load->second, {0, workers_most}, now);
  }
  std::erase_if(models_, [](const auto& m) { return m.second.wanted() == 0; });

  auto nodes = scaled_nodes(options_.nodes, workers);
  scaling_bounds bounds;
  std::uint32_t running = 0;
  for (const auto& n : nodes) {
    bounds.least += n.bounds.least;
    bounds.most += n.bounds.most;
    running += n.running;
  }
  if (!all_) all_.emplace(options_.scaling, running);
  d.workers = all_->update(in_all, bounds, now);
  d.slots = share_out(d.workers, nodes);
  std::erase_if(d.slots, [this](const auto& s) {
    const auto& b = options_.nodes.at(s.first);
    return b.least == b.most;
  });
  return d;
}

std::map<node_id, std::uint32_t> share_out(std::uint32_t wanted, const std::vector<scaled_node>& nodes) {
  std::map<node_id, std::uint32_t> shares;
  std::uint32_t left = wanted;
  auto fill = [&](const scaled_node& n, std::uint32_t up_to) {
    auto& share = shares[n.id];
    auto more = std::min(left, up_to > share ? up_to - share : 0);
    share += more;
    left -= more;
  };
  for (const auto& n : nodes) {
    shares[n.id] = n.bounds.least;
    left -= std::min(left, n.bounds.least);
  }
  for (const auto& n : nodes) fill(n, std::min(n.running, n.bounds.most));
  for (const auto& n : nodes) fill(n, n.bounds.most);
  return shares;
}

} // namespace reel
