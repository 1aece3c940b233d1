#pragma once

#include "cenote/result.hpp"
#include "connection/grant.hpp"
#include "metrics/operation_metrics.hpp"

#include <cstddef>
#include <optional>
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

/// The cells of a result and of those behind it.
inline size_t bytes_of(const result& x) {
  auto sum = x.data_size();
  for (auto& more : x.more())
    sum += more.data_size();
  return sum;
}

} // namespace cenote
