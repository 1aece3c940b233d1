#pragma once

#include "cenote/result.hpp"
#include "db/binary_row.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cenote::db {

/// A text that a connection has run, and its prepared statement if it has one.
struct prepared_text {
  std::string sql;

  // -- of the set ------------------------------------------------------------------

  uint32_t uses = 0; ///< As text since it is counted, or as prepared statement.
  uint32_t uses_needed = 0;
  uint64_t counted_since = 0; ///< The number of a use of the set.
  uint64_t last_use = 0;
  bool is_prepared = false;

  // -- of its prepared statement -----------------------------------------------------

  uint32_t id = 0;
  bool has_names = false;         ///< Whether its parameters have names.
  std::vector<std::string> names; ///< For each placeholder; without names these are empty.
  size_t counts_from = 0;         ///< From this placeholder on, only whole numbers are sent as parameters.
  shared_columns columns;         ///< Of its result, as last described by the server.
  std::vector<binary_format> formats;
};

/// Shared with statements in flight.
using prepared_text_ptr = std::shared_ptr<prepared_text>;

/// Which texts a connection keeps as prepared statements. Knows the texts that it runs, counts how often, and decides
/// which are worth it. Pure.
class prepared_set {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// How often a text is run before it is prepared.
  static constexpr uint32_t first_uses = 5;

  /// A prepared statement that was run less often than this has not been worth it.
  static constexpr uint32_t worthwhile_uses = 25;

  /// The most that `uses_needed` grows to.
  static constexpr uint32_t max_uses = 5'000;

  /// Longer texts are never prepared.
  static constexpr size_t max_text = 16u << 10;

  /// How long nothing is prepared after the server had no room.
  static constexpr std::chrono::seconds pause_when_full{60};

  /// @param max the most that are prepared at a time; zero: none.
  explicit prepared_set(size_t max = 0) : max_{max} {
    // nop
  }

  /// How many are prepared.
  size_t size() const noexcept { return prepared_.size(); }

  /// A statement with this text is about to be sent: counts it.
  /// @returns what is known of it; null if such texts are not prepared.
  prepared_text_ptr use(std::string_view sql);

  /// Whether to prepare the text that was used last. If it has to give way to texts that are used more, it is counted
  /// again.
  bool is_due(prepared_text& text, time_point now);

  /// The server has prepared it.
  /// @returns the statement that it replaces, if any: it is to be closed.
  std::optional<uint32_t> add(prepared_text& text, uint32_t id);

  /// It cannot be prepared, or the server no longer knows its statement: it is counted again, for longer.
  void refuse(prepared_text& text);

  /// The server has no room for more.
  void pause(time_point now) { paused_until_ = now + pause_when_full; }

  /// The server has forgotten all of them.
  void forget_all();

private:
  using texts = std::list<prepared_text_ptr>;

  void count_again(prepared_text& text) noexcept;
  void give_up(texts::iterator text);
  void drop_oldest_candidates();

  size_t max_;
  texts prepared_;   ///< The one used last first.
  texts candidates_; ///< Likewise.
  std::unordered_map<std::string_view, texts::iterator> all_;
  uint64_t uses_ = 0;
  time_point paused_until_ = time_point::min();
};

} // namespace cenote::db
