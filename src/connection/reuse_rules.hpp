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
  /// Work begins on a connection that is in its first state.
  void begin() noexcept { needs_reset_ = false; }

  /// What the text of a statement says it leaves behind; what routines do, the server tells afterwards.
  void note_statement(const std::string& sql);

  /// The session may not be what it was.
  void require_reset() noexcept { needs_reset_ = true; }
  bool requires_reset() const noexcept { return needs_reset_; }

  /// Who had the last session, if it said: for the log.
  void note_owner(const std::string& owner) { last_owner_ = owner; }

  /// Whoever has it does not want it to be used again.
  void evict() noexcept { evicted_ = true; }

  /// It is unusable for others, but what was sent is still answered.
  void retire(departure why);
  const std::optional<departure>& retired() const noexcept { return retired_; }

  // -- errors that say that something is wrong with the connection -----------------

  void request_succeeded() { streak_.succeeded(); }

  /// @param caller tells callers apart.
  void request_failed(const db::driver_error& error, uint64_t caller);

  // -- its user is done ------------------------------------------------------------

  /// Why it cannot be used again; nothing if it can, after a reset perhaps.
  std::optional<departure> departure_after_use();

  /// Whether it has to be reset before anybody else uses it.
  bool needs_reset(const db::server_link& link) const;

  /// Why it cannot be used after this reset; nothing if it can.
  std::optional<departure> departure_after_reset(const tl::expected<result, db::driver_error>& outcome,
                                                 const db::server_link& link) const;

  /// It is free: why the pool had better replace it, once.
  std::optional<std::string> suspicion();

private:
  bool needs_reset_ = false;    ///< The session may not be what it was.
  bool outlives_reset_ = false; ///< And a reset does not bring it back.
  bool evicted_ = false;
  std::optional<departure> retired_;
  std::string last_owner_;
  pool::error_streak streak_;
  std::string last_error_; ///< Of those requests whose errors say that something is wrong.
};

/// Whether a statement may have left something behind that those after it must not find, as far as the server tells.
inline bool is_changed(const db::server_link& link) {
  return link.in_transaction() || link.is_touched();
}

} // namespace cenote
