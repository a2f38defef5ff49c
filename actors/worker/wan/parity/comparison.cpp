#include "actors/worker/wan/parity/comparison.hpp"

#include <limits>

#include "actors/worker/wan/torch_compat.hpp"
#include "actors/worker/wan/weights.hpp"

namespace reel::wan {

double largest_difference(const at::Tensor& ours, const at::Tensor& expected) {
  if (ours.sizes() != expected.sizes()) return std::numeric_limits<double>::infinity();
  if (ours.numel() == 0) return 0;
  auto largest = ours.to(at::kCPU, at::kDouble).sub(expected.to(at::kDouble)).abs().max().item<double>();
  return largest >= 0 ? largest : std::numeric_limits<double>::infinity(); // also for NaN
}

namespace {

std::string group_of(std::string_view key) { return std::string{key.substr(0, key.find('.'))}; }

} // namespace

std::set<std::string> comparison::keys_with(std::string_view prefix) const {
  std::set<std::string> out;
  for (auto t = expected_.lower_bound(prefix); t != expected_.end() && t->first.starts_with(prefix); ++t)
    out.insert(t->first);
  return out;
}

std::set<std::string> comparison::groups() const {
  std::set<std::string> out;
  for (auto& t : expected_) out.insert(group_of(t.first));
  return out;
}

at::Tensor comparison::input(const std::string& key) {
  auto& t = find_tensor(expected_, key);
  seen_.insert(key);
  return view_of(t);
}

void comparison::compare(const std::string& key, const at::Tensor& ours) {
  auto found = expected_.find(key);
  if (found == expected_.end()) return;
  seen_.insert(key);
  auto& line = lines_.try_emplace(group_of(key), parity_line{file_, group_of(key), 0, 0, key}).first->second;
  auto error = largest_difference(ours, view_of(found->second));
  ++line.tensors;
  if (error > line.error) {
    line.error = error;
    line.worst = key;
  }
}

void comparison::compare_flat(const std::string& key, const at::Tensor& ours) {
  auto found = expected_.find(key);
  if (found == expected_.end()) return;
  auto is_same_size = ours.numel() == found->second.count();
  compare(key, is_same_size ? ours.reshape(found->second.shape) : ours);
}

std::vector<parity_line> comparison::lines() const {
  std::vector<parity_line> out;
  for (auto& line : lines_) out.push_back(line.second);
  return out;
}

std::vector<std::string> comparison::not_compared() const {
  std::vector<std::string> out;
  for (auto& t : expected_)
    if (!seen_.contains(t.first)) out.push_back(file_ + ": " + t.first);
  return out;
}

} // namespace reel::wan
