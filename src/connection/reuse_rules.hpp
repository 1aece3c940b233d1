#pragma once

#include "connection/grant.hpp"
#include "db/server_link.hpp"
#include "pool/error_streak.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace cenote {

/// Why a connection cannot be used any more.
struct departure {
  cenote::disposition disposition = cenote::disposition::lost;
  std::string reason;
};

/// Whether a connection can be used for the next request as it is, has to be reset first, or must not be used again.
class reuse_rules {
public:
  /// Work begins on a connection in its initial state.
  void begin() noexcept { needs_reset_ = false; }

  /// Takes account of the changes that the text of a statement shows; changes by routines are reported by the server.
  void note_statement(const std::string& sql);

  /// The session may have been changed.
  void require_reset() noexcept { needs_reset_ = true; }
  bool requires_reset() const noexcept { return needs_reset_; }

  /// The owner of the last session, if it named one: for the log.
  void note_owner(const std::string& owner) { last_owner_ = owner; }

  /// Its holder excludes it from reuse.
  void evict() noexcept { evicted_ = true; }

  /// It is unusable for others, but statements already sent are still answered.
  void retire(departure reason);
  const std::optional<departure>& retired() const noexcept { return retired_; }

  // -- errors that suggest a broken connection -------------------------------------

  void request_succeeded() { streak_.succeeded(); }

  /// @param caller distinguishes callers.
  void request_failed(const db::driver_error& error, uint64_t caller);

  // -- its user is done ------------------------------------------------------------

  /// Why it cannot be used again; nothing if it can, perhaps after a reset.
  std::optional<departure> departure_after_use();

  /// Whether it has to be reset before its next use.
  bool needs_reset(const db::server_link& link) const;

  /// Why it cannot be used after this reset; nothing if it can.
  std::optional<departure> departure_after_reset(const tl::expected<result, db::driver_error>& outcome,
                                                 const db::server_link& link) const;

  /// It is free: why the pool should replace it, reported once.
  std::optional<std::string> suspicion();

private:
  bool needs_reset_ = false;    ///< The session may have been changed ...
  bool outlives_reset_ = false; ///< ... in a way that a reset does not undo.
  bool evicted_ = false;
  std::optional<departure> retired_;
  std::string last_owner_;
  pool::error_streak streak_;
  std::string last_error_; ///< Of the failed requests.
};

/// Whether a statement may have left changes that later ones must not find, as far as the server reports.
inline bool is_changed(const db::server_link& link) {
  return link.in_transaction() || link.is_touched();
}

} // namespace cenote
