#include "runtime/link/frame_faults.hpp"

#include "runtime/fault/spoil.hpp"

namespace reel {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kept_max = 1024; ///< as many as the channel holds
constexpr auto successor_wait = 100ms; ///< nothing may come after a frame that is to be swapped

/// Magic and version stay: who says that he speaks another version is not listened to until he connects again, which is
/// right, and would hide what the checksum is for.
constexpr std::size_t spared_bytes = 5;

void spoil(std::vector<blob>& parts, const fault::order& o) {
  if (parts.empty()) return;
  auto index = o.draw % parts.size();
  auto draw = o.draw / parts.size();
  auto& part = parts[index];
  part = o.what == fault::action::truncate ? fault::truncated(part, draw)
                                           : fault::flipped(part, draw, index == 0 ? spared_bytes : 0);
}

} // namespace

std::vector<frame_faults::arrived> frame_faults::meet(const fault::order& o, arrived a, const std::string& sender,
                                                      instant now) {
  std::vector<arrived> handled;
  switch (o.what) {
  case fault::action::drop: return handled;
  case fault::action::hold: keep({std::move(a), sender, false, now + o.delay}, handled); return handled;
  case fault::action::reorder: keep({std::move(a), sender, true, now + successor_wait}, handled); return handled;
  case fault::action::duplicate:
    if (o.delay > 0ms)
      keep({a, sender, false, now + o.delay}, handled);
    else
      handled.push_back(a);
    break;
  case fault::action::corrupt:
  case fault::action::truncate: spoil(a.frame.parts, o); break;
  default: break;
  }
  handled.push_back(std::move(a));
  std::erase_if(kept_, [&](kept& k) {
    bool follows = k.until_next && k.sender == sender;
    if (follows) handled.push_back(std::move(k.what));
    return follows;
  });
  return handled;
}

void frame_faults::keep(kept k, std::vector<arrived>& now_too) {
  if (kept_.size() < kept_max)
    kept_.push_back(std::move(k));
  else
    now_too.push_back(std::move(k.what));
}

std::vector<frame_faults::arrived> frame_faults::take_due(instant now) {
  std::vector<arrived> all;
  std::erase_if(kept_, [&](kept& k) {
    bool is = k.due <= now;
    if (is) all.push_back(std::move(k.what));
    return is;
  });
  return all;
}

instant frame_faults::due() const {
  auto soonest = instant::max();
  for (const auto& k : kept_) soonest = std::min(soonest, k.due);
  return soonest;
}

} // namespace reel
