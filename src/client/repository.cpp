#include "cenote/repository.hpp"

namespace cenote::detail {

failure unreadable(statement_kind kind, const std::string& reason) {
  failure result;
  result.code = errc::invalid_statement;
  result.outcome = kind == statement_kind::read ? outcome::rejected : outcome::unknown;
  result.text = "the program cannot read the result: " + reason;
  return result;
}

} // namespace cenote::detail
