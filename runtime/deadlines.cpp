#include "runtime/deadlines.hpp"
#include "runtime/thread_name.hpp"

#include <caf/abstract_actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/error.hpp>
#include <caf/sec.hpp>

namespace reel::act {

namespace {

constexpr auto look_every = std::chrono::milliseconds{250}; // deadlines are seconds

} // namespace

deadlines::deadlines() : thread_{[this] { run(); }} {}

deadlines::~deadlines() { stop(); }

void deadlines::stop() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  something_.notify_one();
  if (thread_.joinable()) thread_.join();
}

deadlines::ticket deadlines::add(const caf::strong_actor_ptr& asker, caf::message_id answer,
                                 std::chrono::milliseconds from_now) {
  return put({clock::now() + from_now, caf::actor_cast<caf::weak_actor_ptr>(asker), answer, {}, 0});
}

void deadlines::add(const caf::strong_actor_ptr& to, caf::message content, std::chrono::milliseconds from_now) {
  put({clock::now() + from_now, caf::actor_cast<caf::weak_actor_ptr>(to), caf::make_message_id(), std::move(content),
       0});
}

deadlines::ticket deadlines::put(entry e) {
  std::lock_guard lock{mutex_};
  if (entries_.size() == free_.size()) something_.notify_one(); // the first: its thread sleeps
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(entries_.size()));
    entries_.emplace_back();
  }
  auto slot = free_.back();
  free_.pop_back();
  e.generation = entries_[slot].generation;
  entries_[slot] = std::move(e);
  return {slot, entries_[slot].generation};
}

void deadlines::drop(ticket t) {
  std::lock_guard lock{mutex_};
  if (entries_[t.slot].generation == t.generation) release(t.slot);
}

void deadlines::release(std::uint32_t slot) {
  auto& e = entries_[slot];
  e.to = nullptr;
  e.content.reset();
  ++e.generation;
  free_.push_back(slot);
}

void deadlines::run() {
  name_this_thread("deadlines");
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    if (entries_.size() == free_.size())
      something_.wait(lock, [this] { return stopping_ || entries_.size() > free_.size(); });
    else if (!something_.wait_for(lock, look_every, [this] { return stopping_; }))
      fire(lock);
  }
}

void deadlines::fire(std::unique_lock<std::mutex>& lock) {
  struct overdue {
    caf::strong_actor_ptr to;
    caf::message_id answer;
    caf::message content;
  };
  std::vector<overdue> all;
  auto now = clock::now();
  for (std::uint32_t slot = 0; slot < entries_.size(); ++slot) {
    auto& e = entries_[slot];
    if (!e.to || e.due > now) continue;
    all.push_back({caf::actor_cast<caf::strong_actor_ptr>(e.to), e.answer, std::move(e.content)});
    release(slot);
  }
  lock.unlock(); // who is told may ask again at once, or end here with its last reference
  for (auto& o : all) {
    if (!o.to) continue;
    if (o.content.empty())
      o.to->get()->eq_impl(o.answer, o.to, nullptr, caf::make_error(caf::sec::request_timeout));
    else
      o.to->enqueue(nullptr, caf::make_message_id(), std::move(o.content), nullptr);
  }
  all.clear();
  lock.lock();
}

} // namespace reel::act
