#include "db/prepared_set.hpp"

#include "types/first_word.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace cenote::db {

namespace {

/// Others are rare, not faster for it, or cannot be prepared; and a `CALL` gives several results.
bool can_be_prepared(std::string_view sql) {
  constexpr std::array words{"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"};
  return sql.size() <= prepared_set::max_text && std::ranges::find(words, detail::first_word(sql)) != words.end();
}

} // namespace

prepared_text_ptr prepared_set::use(std::string_view sql) {
  if (max_ == 0)
    return nullptr;
  ++uses_;
  if (auto known = all_.find(sql); known != all_.end()) {
    auto& text = **known->second;
    auto& list = text.is_prepared ? prepared_ : candidates_;
    list.splice(list.begin(), list, known->second);
    ++text.uses;
    text.last_use = uses_;
    return list.front();
  }
  if (!can_be_prepared(sql))
    return nullptr;
  auto added = std::make_shared<prepared_text>();
  added->sql = sql;
  added->uses = 1;
  added->uses_needed = first_uses;
  added->counted_since = added->last_use = uses_;
  texts place{added}; // Both lists or none, also without memory.
  all_.emplace(added->sql, place.begin());
  candidates_.splice(candidates_.begin(), place);
  drop_oldest_candidates();
  return added;
}

bool prepared_set::is_due(prepared_text& text, time_point now) {
  if (text.is_prepared || text.uses <= text.uses_needed || now < paused_until_)
    return false;
  // Otherwise, with more texts in turn than there is room for, each would be replaced before it is used.
  if (prepared_.size() >= max_ && prepared_.back()->last_use >= text.counted_since) {
    count_again(text);
    return false;
  }
  return true;
}

std::optional<uint32_t> prepared_set::add(prepared_text& text, uint32_t id) {
  assert(!text.is_prepared);
  std::optional<uint32_t> replaced;
  if (prepared_.size() >= max_) {
    replaced = prepared_.back()->id;
    give_up(std::prev(prepared_.end()));
  }
  prepared_.splice(prepared_.begin(), candidates_, all_.at(text.sql));
  text.is_prepared = true;
  text.id = id;
  text.uses = 0;
  drop_oldest_candidates();
  return replaced;
}

void prepared_set::refuse(prepared_text& text) {
  if (text.is_prepared)
    return give_up(all_.at(text.sql));
  text.uses_needed = std::min(4 * text.uses_needed, max_uses);
  count_again(text);
}

void prepared_set::forget_all() {
  while (!prepared_.empty())
    give_up(std::prev(prepared_.end()));
  drop_oldest_candidates();
}

void prepared_set::count_again(prepared_text& text) noexcept {
  text.uses = 0;
  text.counted_since = uses_;
}

void prepared_set::give_up(texts::iterator text) {
  // A connection that is reset all the time must not prepare all the time.
  auto& given_up = **text;
  given_up.uses_needed = given_up.uses < worthwhile_uses ? std::min(4 * given_up.uses_needed, max_uses) : first_uses;
  given_up.is_prepared = false;
  count_again(given_up);
  candidates_.splice(candidates_.begin(), prepared_, text);
}

void prepared_set::drop_oldest_candidates() {
  while (candidates_.size() > 2 * max_ + 16) {
    all_.erase(candidates_.back()->sql);
    candidates_.pop_back();
  }
}

} // namespace cenote::db
