#include "cenote/transaction.hpp"

#include <algorithm>

namespace cenote {

std::string to_string(isolation x) {
  switch (x) {
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

statement_kind kind_of(const transaction& x) noexcept {
  auto worst = statement_kind::read;
  for (auto& y : x.statements)
    worst = std::max(worst, y.kind);
  return worst;
}

} // namespace cenote
