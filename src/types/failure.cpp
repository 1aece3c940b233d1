#include "cenote/failure.hpp"

#include "types/one_line.hpp"

namespace cenote {

std::string to_string(outcome x) {
  switch (x) {
  case outcome::not_sent:
    return "not_sent";
  case outcome::rolled_back:
    return "rolled_back";
  case outcome::unknown:
    return "unknown";
  case outcome::rejected:
    return "rejected";
  case outcome::unavailable:
    return "unavailable";
  }
  return "invalid outcome";
}

std::string to_string(errc x) {
  switch (x) {
  case errc::acquire_timeout:
    return "acquire_timeout";
  case errc::queue_full:
    return "queue_full";
  case errc::shutting_down:
    return "shutting_down";
  case errc::connect_failed:
    return "connect_failed";
  case errc::server_full:
    return "server_full";
  case errc::circuit_open:
    return "circuit_open";
  case errc::overloaded:
    return "overloaded";
  case errc::connection_lost_unsent:
    return "connection_lost_unsent";
  case errc::connection_lost:
    return "connection_lost";
  case errc::pool_gone:
    return "pool_gone";
  case errc::statement_timeout:
    return "statement_timeout";
  case errc::deadlock:
    return "deadlock";
  case errc::lock_wait:
    return "lock_wait";
  case errc::conflict:
    return "conflict";
  case errc::login_refused:
    return "login_refused";
  case errc::invalid_statement:
    return "invalid_statement";
  case errc::server_error:
    return "server_error";
  case errc::read_only_server:
    return "read_only_server";
  case errc::interrupted:
    return "interrupted";
  case errc::session_ended:
    return "session_ended";
  case errc::result_too_large:
    return "result_too_large";
  case errc::invalid_setting:
    return "invalid_setting";
  case errc::internal:
    return "internal";
  case errc::transaction_ended:
    return "transaction_ended";
  case errc::invalid_job:
    return "invalid_job";
  case errc::no_such_job:
    return "no_such_job";
  }
  return "invalid errc";
}

std::string to_string(const failure& reason) {
  auto result = detail::one_line(reason.text.empty() ? to_string(reason.code) : reason.text);
  result += " (";
  if (reason.number != 0) {
    result += "error " + std::to_string(reason.number) + ", ";
    if (!reason.sqlstate.empty())
      result += "sqlstate " + reason.sqlstate + ", ";
  }
  result += to_string(reason.outcome) + ")";
  return result;
}

} // namespace cenote
