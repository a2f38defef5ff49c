// recent_table.hpp: A map with a bound: the entries not touched for longest are forgotten. Clients choose shapes, so no
// table by shape may only grow. Value type; copies are not needed, so not allowed (it keeps iterators).
#pragma once

#include <list>
#include <map>

namespace reel {

template <class Key, class Value, std::size_t Most> class recent_table {
public:
  recent_table() = default;
  recent_table(const recent_table&) = delete;
  recent_table& operator=(const recent_table&) = delete;

  const Value* find(const Key& key) const {
    auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second.value;
  }
  Value* find(const Key& key) {
    auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second.value;
  }

  /// Makes one where there is none; counts as touched.
  Value& touch(const Key& key) {
    auto [found, inserted] = entries_.try_emplace(key);
    if (!inserted)
      recent_.splice(recent_.begin(), recent_, found->second.at);
    else {
      recent_.push_front(key);
      found->second.at = recent_.begin();
      if (entries_.size() > Most) {
        entries_.erase(recent_.back());
        recent_.pop_back();
      }
    }
    return found->second.value;
  }

  std::size_t size() const { return entries_.size(); }

private:
  struct entry {
    Value value{};
    typename std::list<Key>::iterator at{};
  };
  std::map<Key, entry> entries_;
  std::list<Key> recent_;
};

} // namespace reel
