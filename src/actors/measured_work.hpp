#pragma once

#include "cenote/result.hpp"
#include "connection/grant.hpp"
#include "metrics/operation_metrics.hpp"
#include "metrics/statement_statistics.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

namespace cenote {

/// The operation as which a request is measured; nothing for a session, whose commands are operations of their own.
inline std::optional<metrics::operation> operation_of(const work_item& work) {
  using metrics::operation;
  if (std::holds_alternative<transaction>(work))
    return operation::transaction;
  auto query = std::get_if<statement>(&work);
  if (query == nullptr)
    return std::nullopt;
  switch (query->kind) {
  case statement_kind::read:
    return operation::read;
  case statement_kind::idempotent_write:
    return operation::idempotent_write;
  case statement_kind::write:
    break;
  }
  return operation::write;
}

/// The record for the cost of the request at the server; null if it is not measured.
inline std::shared_ptr<metrics::statement_record> record_of(metrics::statement_statistics& statistics,
                                                            const work_request& request) {
  if (request.fail_fast)
    return nullptr;
  if (auto whole = std::get_if<transaction>(&request.work))
    return statistics.find(*whole);
  auto query = std::get_if<statement>(&request.work);
  return query == nullptr ? nullptr : statistics.find(query->sql);
}

/// The text as which the command of a session is measured.
inline std::string_view text_of(const session_command& command) {
  using action = session_command::action;
  switch (command.kind) {
  case action::execute:
    break;
  case action::begin:
    return "START TRANSACTION";
  case action::commit:
    return "COMMIT";
  case action::rollback:
    return "ROLLBACK";
  case action::savepoint:
    return "SAVEPOINT";
  case action::rollback_to:
    return "ROLLBACK TO SAVEPOINT";
  }
  return command.text.sql;
}

/// The size of a result, including further ones.
struct result_size {
  size_t bytes = 0;  ///< Of all cells.
  uint64_t rows = 0; ///< Returned or changed.

  result_size& operator+=(const result_size& other) {
    bytes += other.bytes;
    rows += other.rows;
    return *this;
  }
};

inline result_size size_of(const result& result) {
  result_size sum{result.data_size(), result.size() + result.affected_rows()};
  for (auto& more : result.more())
    sum += {more.data_size(), more.size() + more.affected_rows()};
  return sum;
}

} // namespace cenote
