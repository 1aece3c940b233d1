#pragma once

#include "cenote/details.hpp"
#include "cenote/transaction.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cenote::metrics {

/// The measurements for one digest.
class statement_record {
public:
  void add(bool failed, uint64_t rows, std::chrono::nanoseconds took);

  /// All but the digest.
  statement_summary summary() const;

  std::chrono::nanoseconds total() const;

private:
  /// Four for each power of two, from a microsecond to two minutes.
  static constexpr size_t buckets = 4 * 28;

  static size_t bucket_of(std::chrono::nanoseconds x);
  static std::chrono::nanoseconds upper_bound(size_t bucket);

  mutable std::mutex guard_;
  uint64_t errors_ = 0;
  uint64_t rows_ = 0;
  std::chrono::nanoseconds total_{0};
  std::chrono::nanoseconds max_{0};
  uint64_t calls_ = 0;
  std::array<uint32_t, buckets> times_{};
};

/// The statements of a pool by their digests. Used by all its connections, from any thread. Bounded: of too many
/// digests the cheaper half is forgotten.
class statement_statistics {
public:
  /// The most digests that are kept.
  static constexpr size_t max_digests = 1000;

  /// @param enabled see `enable`.
  explicit statement_statistics(bool enabled) : enabled_{enabled} {
    // nop
  }

  /// From now on, statements are measured, or not. When that ends, the measurements are forgotten.
  void enable(bool enabled);

  /// The record for the cost of the statement; null if it is not measured.
  std::shared_ptr<statement_record> find(std::string_view sql);
  std::shared_ptr<statement_record> find(const transaction& transaction);

  /// Those that have taken the most time in total, the costliest first.
  std::vector<statement_summary> costliest(size_t count) const;

private:
  struct text_hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  template <class T>
  using by_text = std::unordered_map<std::string, T, text_hash, std::equal_to<>>;

  void forget_cheaper_half();

  std::atomic<bool> enabled_;
  mutable std::mutex guard_;
  by_text<std::shared_ptr<statement_record>> digests_;
  by_text<std::shared_ptr<statement_record>> texts_; ///< The same by unchanged texts: no digest is computed twice.
};

} // namespace cenote::metrics
