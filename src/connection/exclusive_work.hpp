#pragma once

#include "connection/client_request.hpp"
#include "connection/output.hpp"
#include "connection/reuse_rules.hpp"
#include "db/server_link.hpp"

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace cenote {

/// A request that was granted a connection alone.
struct held_grant {
  ticket answer_to;
  grant content;
};

/// The consequences of the end of a step.
namespace after_step {

/// There is another step.
struct next {};

/// All steps for the holder of a session are done, and the server has reported the state of its transaction.
struct conclude {
  bool open = false; ///< The same transaction is still open.
};

/// The client has its answer, and the connection is healthy.
struct done {};

/// The connection was dead before anything was sent: the work has not begun.
struct never_began {
  held_grant origin;
  std::string reason;
};

/// The connection has to be given up. Unanswered work is answered then.
struct leave {
  departure cause;
};

} // namespace after_step

using step_outcome =
    std::variant<after_step::next, after_step::conclude, after_step::done, after_step::never_began, after_step::leave>;

/// A request while it has the connection alone: a statement, a transaction, or a request of a session's holder. Decides
/// what follows from each step.
class exclusive_work {
public:
  /// @param origin the grant that it comes from; empty if it is for the holder of a session.
  exclusive_work(client_request content, std::optional<held_grant> origin)
      : content_{std::move(content)}, origin_{std::move(origin)} {
    // nop
  }

  const client_request& content() const noexcept { return content_; }
  client_request& content() noexcept { return content_; }
  client_request take_content() { return std::move(content_); }

  db::progress start_step(db::server_link& link);

  /// The step is done: takes its outcome from the link.
  step_outcome finish_step(db::server_link& link, reuse_rules& reuse, connection_output& out);

  /// Answers with the result, or the failure, unless it has been answered.
  void answer(connection_output& out);

  /// Answers, unless it has been answered. It is no longer waited for.
  void cut(connection_output& out, failure reason, bool in_transaction);

private:
  bool of_session() const noexcept { return !origin_; }

  step_outcome step_failed(const db::driver_error& error, const db::server_link& link, reuse_rules& reuse,
                           connection_output& out);
  step_outcome cleanup_failed(const db::driver_error& error, disposition connection, bool usable, reuse_rules& reuse,
                              connection_output& out);
  step_outcome transaction_has_ended(const db::server_link& link, reuse_rules& reuse, connection_output& out);
  step_outcome compound_left_effects(const db::server_link& link, reuse_rules& reuse, connection_output& out);
  bool leaves_transaction_open(const db::server_link& link) const;
  void roll_back_open_transaction();
  void answer(connection_output& out, failure reason);

  client_request content_;
  std::optional<held_grant> origin_;
};

} // namespace cenote
