#include "src/reel-eval/score.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <sstream>
#include <stdexcept>

namespace reel::eval {

namespace json = boost::json;

interval interval_of(const share& s) {
  if (s.asked == 0) return {};
  constexpr double z = 1.96; // 95 %
  auto n = static_cast<double>(s.asked), p = s.value();
  auto middle = (p + z * z / (2 * n)) / (1 + z * z / n);
  auto half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {std::max(0., middle - half), std::min(1., middle + half)};
}

std::string_view attribute_name(std::size_t i) {
  return i < world::judged_names.size() ? world::judged_names[i] : std::string_view{"all"};
}

namespace {

void add_to(split_score& s, const world::verdict& v) {
  ++s.prompts;
  for (std::size_t i = 0; i < v.right.size(); ++i) s.shares[i].add(v.right[i]);
  s.shares.back().add(v.all());
}

} // namespace

void score::add(const std::string& split, const world::verdict& v) {
  auto at = std::ranges::find(splits_, split, &split_score::split);
  if (at == splits_.end()) at = splits_.insert(splits_.end(), {.split = split, .prompts = 0, .shares = {}});
  add_to(*at, v);
}

std::vector<split_score> score::splits() const {
  auto out = splits_;
  split_score total{.split = "total", .prompts = 0, .shares = {}};
  for (auto& s : splits_) {
    total.prompts += s.prompts;
    for (std::size_t i = 0; i < attributes; ++i) {
      total.shares[i].right += s.shares[i].right;
      total.shares[i].asked += s.shares[i].asked;
    }
  }
  out.push_back(std::move(total));
  return out;
}

std::string table_of(const std::vector<split_score>& splits) {
  auto out = fmt::format("{:<16}{:>8}", "SPLIT", "PROMPTS");
  for (std::size_t i = 0; i < attributes; ++i) out += fmt::format("{:>18}", attribute_name(i));
  out += '\n';
  for (auto& s : splits) {
    out += fmt::format("{:<16}{:>8}", s.split, s.prompts);
    for (auto& share : s.shares) {
      auto [low, high] = interval_of(share);
      auto text = share.asked == 0 ? std::string{"-"}
                                   : fmt::format("{:.1f} ({:.0f}-{:.0f})", 100 * share.value(), 100 * low, 100 * high);
      out += fmt::format("{:>18}", text);
    }
    out += '\n';
  }
  return out + "Percent right, and where the truth lies 95 times of 100.\n";
}

json::array to_json(const std::vector<split_score>& splits) {
  json::array out;
  for (auto& s : splits) {
    json::object about{{"split", s.split}, {"prompts", s.prompts}};
    for (std::size_t i = 0; i < attributes; ++i) {
      auto& share = s.shares[i];
      auto [low, high] = interval_of(share);
      json::object line{{"right", share.right}, {"asked", share.asked}};
      if (share.asked > 0) line["share"] = share.value(), line["low"] = low, line["high"] = high;
      about[attribute_name(i)] = std::move(line);
    }
    out.push_back(std::move(about));
  }
  return out;
}

std::vector<requirement> parse_requirements(const std::string& text) {
  std::vector<requirement> out;
  std::istringstream in{text};
  for (std::string one; std::getline(in, one, ',');) {
    auto equals = one.find('=');
    auto name = one.substr(0, equals);
    requirement r;
    while (r.attribute < attributes && attribute_name(r.attribute) != name) ++r.attribute;
    if (r.attribute == attributes)
      throw std::invalid_argument{"\"" + name + "\"; there are colour, background, motion, shape, size, count and all"};
    auto number = equals == one.npos ? std::string{} : one.substr(equals + 1);
    auto [end, bad] = std::from_chars(number.data(), number.data() + number.size(), r.least);
    if (bad != std::errc{} || end != number.data() + number.size() || !(r.least >= 0 && r.least <= 1))
      throw std::invalid_argument{name + "=" + number + "; wanted is a share from 0 to 1"};
    out.push_back(r);
  }
  if (out.empty()) throw std::invalid_argument{"nothing is required"};
  return out;
}

std::vector<std::string> unmet(const std::vector<requirement>& wanted, const split_score& total) {
  std::vector<std::string> out;
  for (auto& r : wanted) {
    auto& share = total.shares[r.attribute];
    if (share.asked > 0 && share.value() >= r.least) continue;
    out.push_back(fmt::format("{} is right in {} of {} ({:.3f}); required is {}", attribute_name(r.attribute),
                              share.right, share.asked, share.value(), r.least));
  }
  return out;
}

} // namespace reel::eval
