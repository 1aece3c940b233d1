#include "connection/reuse_rules.hpp"

#include "pool/sql_rules.hpp"

#include <utility>

namespace cenote {

void reuse_rules::note_statement(const std::string& sql) {
  if (!pool::may_leave_traces(sql))
    return;
  needs_reset_ = true;
  outlives_reset_ |= pool::outlives_reset(sql);
}

void reuse_rules::retire(departure reason) {
  retired_ = std::move(reason);
}

void reuse_rules::request_failed(const db::driver_error& error, uint64_t caller) {
  if (error.source != db::error_source::server)
    return;
  streak_.failed(error.number, error.sqlstate, caller);
  last_error_ = error.text;
}

std::optional<departure> reuse_rules::departure_after_use() {
  if (std::exchange(evicted_, false))
    return departure{disposition::evicted, "the holder of its session excluded it from reuse"};
  if (outlives_reset_)
    return departure{disposition::broken, "a statement has changed its session in a way that a reset does not undo"};
  return std::nullopt;
}

bool reuse_rules::needs_reset(const db::server_link& link) const {
  return needs_reset_ || is_changed(link);
}

std::optional<departure> reuse_rules::departure_after_reset(const tl::expected<result, db::driver_error>& outcome,
                                                            const db::server_link& link) const {
  if (outcome && !link.in_transaction())
    return std::nullopt;
  auto reason = outcome ? "a transaction is open after a reset" : outcome.error().text;
  if (!last_owner_.empty())
    reason += "; its last session was that of " + last_owner_;
  return departure{disposition::broken, std::move(reason)};
}

std::optional<std::string> reuse_rules::suspicion() {
  if (!streak_.is_suspect())
    return std::nullopt;
  streak_ = {}; // If it is not replaced now, another streak reports it again.
  return "one request after the other failed on it: " + last_error_;
}

} // namespace cenote
