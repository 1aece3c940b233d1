#include "cenote/transaction.hpp"

#include <algorithm>

namespace cenote {

std::string to_string(isolation level) {
  switch (level) {
  case isolation::server_default:
    return "";
  case isolation::read_uncommitted:
    return "READ UNCOMMITTED";
  case isolation::read_committed:
    return "READ COMMITTED";
  case isolation::repeatable_read:
    return "REPEATABLE READ";
  case isolation::serializable:
    return "SERIALIZABLE";
  }
  return "";
}

statement_kind kind_of(const transaction& request) noexcept {
  auto worst = statement_kind::read;
  for (auto& query : request.statements)
    worst = std::max(worst, query.kind);
  return worst;
}

} // namespace cenote
