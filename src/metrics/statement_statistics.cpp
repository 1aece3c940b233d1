#include "metrics/statement_statistics.hpp"

#include "pool/statement_digest.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace cenote::metrics {

namespace {

/// A text longer than the first is analyzed anew each time, at most up to the second.
constexpr size_t max_kept_text = 1024;
constexpr size_t max_text = 16 << 10;
/// The most texts that are kept.
constexpr size_t max_texts = 2000;

} // namespace

// -- one digest ------------------------------------------------------------------

size_t statement_record::bucket_of(std::chrono::nanoseconds span) {
  auto microseconds = static_cast<uint64_t>(std::max<int64_t>(span.count(), 0)) / 1000;
  if (microseconds < 4)
    return microseconds;
  auto power = static_cast<size_t>(std::bit_width(microseconds)) - 1; // At least 2.
  auto quarter = (microseconds >> (power - 2)) & 3;
  return std::min(4 * (power - 1) + quarter, buckets - 1);
}

std::chrono::nanoseconds statement_record::upper_bound(size_t bucket) {
  if (bucket < 4)
    return std::chrono::microseconds{bucket + 1};
  auto power = bucket / 4 + 1;
  return std::chrono::microseconds{(5 + bucket % 4) << (power - 2)};
}

void statement_record::add(bool failed, uint64_t rows, std::chrono::nanoseconds took) {
  std::unique_lock lock{guard_};
  ++calls_;
  errors_ += failed;
  rows_ += rows;
  total_ += took;
  max_ = std::max(max_, took);
  ++times_[bucket_of(took)];
}

statement_summary statement_record::summary() const {
  std::unique_lock lock{guard_};
  statement_summary out;
  out.calls = calls_;
  out.errors = errors_;
  out.rows = rows_;
  out.total = total_;
  out.max = max_;
  uint64_t counted = 0;
  for (size_t i = 0; i < buckets; ++i) {
    counted += times_[i];
    if (counted * 100 >= calls_ * 99) {
      out.p99 = i + 1 == buckets ? max_ : std::min(max_, upper_bound(i));
      break;
    }
  }
  return out;
}

std::chrono::nanoseconds statement_record::total() const {
  std::unique_lock lock{guard_};
  return total_;
}

// -- all of them -----------------------------------------------------------------

void statement_statistics::enable(bool enabled) {
  std::unique_lock lock{guard_};
  enabled_ = enabled;
  if (enabled)
    return;
  digests_.clear();
  texts_.clear();
}

std::shared_ptr<statement_record> statement_statistics::find(std::string_view sql) {
  if (!enabled_)
    return nullptr;
  sql = sql.substr(0, max_text);
  {
    std::unique_lock lock{guard_};
    if (auto i = texts_.find(sql); i != texts_.end())
      return i->second;
  }
  auto digest = pool::digest_of(sql);
  std::unique_lock lock{guard_};
  if (!enabled_)
    return nullptr;
  if (digests_.size() >= max_digests && !digests_.contains(digest))
    forget_cheaper_half();
  auto& record = digests_[std::move(digest)];
  if (record == nullptr)
    record = std::make_shared<statement_record>();
  if (texts_.size() >= max_texts)
    texts_.clear();
  if (sql.size() <= max_kept_text)
    texts_.emplace(sql, record);
  return record;
}

std::shared_ptr<statement_record> statement_statistics::find(const transaction& transaction) {
  if (!enabled_)
    return nullptr;
  std::string text = "START TRANSACTION";
  for (auto& query : transaction.statements) {
    if (text.size() > max_text)
      break;
    text += "; " + query.sql;
  }
  return find(text += "; COMMIT");
}

void statement_statistics::forget_cheaper_half() {
  std::vector<std::pair<std::chrono::nanoseconds, const std::string*>> totals;
  totals.reserve(digests_.size());
  for (auto& [digest, record] : digests_)
    totals.emplace_back(record->total(), &digest);
  auto middle = totals.begin() + static_cast<std::ptrdiff_t>(totals.size() / 2);
  std::ranges::nth_element(totals, middle);
  std::vector<std::string> cheaper;
  for (auto i = totals.begin(); i != middle; ++i)
    cheaper.push_back(*i->second);
  for (auto& digest : cheaper)
    digests_.erase(digest);
  texts_.clear();
}

std::vector<statement_summary> statement_statistics::costliest(size_t count) const {
  std::vector<statement_summary> out;
  {
    std::unique_lock lock{guard_};
    for (auto& [digest, record] : digests_) {
      out.push_back(record->summary());
      out.back().digest = digest;
    }
  }
  // Those that are under way for the first time have no numbers yet.
  std::erase_if(out, [](auto& summary) { return summary.calls == 0; });
  std::ranges::sort(out, [](auto& a, auto& b) { return a.total != b.total ? a.total > b.total : a.digest < b.digest; });
  out.resize(std::min(out.size(), count));
  return out;
}

} // namespace cenote::metrics
