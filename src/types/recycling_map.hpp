#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <unordered_map>
#include <utility>
#include <vector>

namespace cenote {

/// A hash map for entries that come and go all the time: the memory of some that have left is kept for those to come.
template <class Key, class T>
class recycling_map {
public:
  /// Adds an entry; there must be none with this key.
  void add(Key key, T&& content) {
    if (spare_.empty()) {
      if (spare_.capacity() <= entries_.size())
        spare_.reserve(std::min(2 * entries_.size() + 1, max_spare)); // For `take`, which must not fail.
      entries_.emplace(key, std::move(content));
      return;
    }
    auto entry = std::move(spare_.back());
    spare_.pop_back();
    entry.key() = key;
    entry.mapped() = std::move(content);
    entries_.insert(std::move(entry));
  }

  /// Takes out the entry with this key, which must exist.
  T take(Key key) noexcept {
    auto entry = entries_.extract(key);
    assert(!entry.empty());
    T content = std::move(entry.mapped());
    if (spare_.size() < spare_.capacity())
      spare_.push_back(std::move(entry));
    return content;
  }

  bool contains(Key key) const { return entries_.contains(key); }
  bool empty() const noexcept { return entries_.empty(); }
  auto begin() const noexcept { return entries_.begin(); }
  auto end() const noexcept { return entries_.end(); }

private:
  static constexpr size_t max_spare = 256;

  std::unordered_map<Key, T> entries_;
  std::vector<typename std::unordered_map<Key, T>::node_type> spare_; ///< Their content has been taken.
};

} // namespace cenote
