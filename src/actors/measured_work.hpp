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

/// What a request is measured as; nothing for a session, whose commands are operations of their own.
inline std::optional<metrics::operation> operation_of(const work_item& x) {
  using metrics::operation;
  if (std::holds_alternative<transaction>(x))
    return operation::transaction;
  auto text = std::get_if<statement>(&x);
  if (text == nullptr)
    return std::nullopt;
  switch (text->kind) {
  case statement_kind::read:
    return operation::read;
  case statement_kind::idempotent_write:
    return operation::idempotent_write;
  case statement_kind::write:
    break;
  }
  return operation::write;
}

/// Where to note what becomes of the request at the server; null if it is not measured.
inline std::shared_ptr<metrics::statement_record> record_of(metrics::statement_statistics& all, const work_request& x) {
  if (x.fail_fast)
    return nullptr;
  if (auto whole = std::get_if<transaction>(&x.work))
    return all.find(*whole);
  auto text = std::get_if<statement>(&x.work);
  return text == nullptr ? nullptr : all.find(text->sql);
}

/// What the command of a session is measured as.
inline std::string_view text_of(const session_command& x) {
  using action = session_command::action;
  switch (x.kind) {
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
  return x.text.sql;
}

/// How much a result is, with those behind it.
struct result_size {
  size_t bytes = 0;  ///< Of all cells.
  uint64_t rows = 0; ///< Returned or changed.

  result_size& operator+=(const result_size& x) {
    bytes += x.bytes;
    rows += x.rows;
    return *this;
  }
};

inline result_size size_of(const result& x) {
  result_size sum{x.data_size(), x.size() + x.affected_rows()};
  for (auto& more : x.more())
    sum += {more.data_size(), more.size() + more.affected_rows()};
  return sum;
}

} // namespace cenote
