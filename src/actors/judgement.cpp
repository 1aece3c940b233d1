#include "actors/judgement.hpp"

#include "pool/error_table.hpp"

namespace cenote {

namespace {

pool::stage to_stage(db::phase x) {
  switch (x) {
  case db::phase::connecting:
    return pool::stage::connecting;
  case db::phase::preparing:
  case db::phase::sending:
    return pool::stage::unsent;
  case db::phase::waiting:
    break;
  }
  return pool::stage::sent;
}

failure to_failure(const db::trouble& x, const pool::verdict& meaning) {
  failure result;
  result.code = meaning.code;
  result.what = meaning.what;
  result.number = x.number;
  result.sqlstate = x.sqlstate;
  result.text = x.text;
  if (x.source == db::complaint::server)
    result.server_text = x.text;
  return result;
}

} // namespace

judgement judge(const db::trouble& x, statement_kind kind, bool is_mariadb, bool committing) {
  switch (x.source) {
  case db::complaint::invalid_statement:
    return {to_failure(x, {errc::invalid_statement, outcome::rejected}), fate::reusable};
  case db::complaint::result_too_large: {
    // The server has carried the statement out by then.
    auto what = kind == statement_kind::read ? outcome::rejected : outcome::unknown;
    return {to_failure(x, {errc::result_too_large, what}), fate::broken};
  }
  case db::complaint::process_limit:
    if (x.when == db::phase::preparing || x.when == db::phase::sending)
      return {to_failure(x, {errc::overloaded, outcome::unavailable}),
              x.when == db::phase::preparing ? fate::reusable : fate::broken};
    return {to_failure(x, {errc::connection_lost, outcome::unknown}), fate::broken};
  case db::complaint::settings: // Of connects only.
  case db::complaint::server:
    break;
  }
  auto when = to_stage(x.when);
  if (committing && when == pool::stage::sent)
    when = pool::stage::committing;
  auto meaning = pool::judge({x.number, when, x.text, is_mariadb});
  return {to_failure(x, meaning), meaning.connection};
}

failure to_failure(const db::trouble& x, const server_settings& where) {
  auto meaning = x.source == db::complaint::settings ? pool::verdict{errc::login_refused, outcome::rejected, fate::lost}
                                                     : pool::judge({x.number, pool::stage::connecting, x.text});
  auto result = to_failure(x, meaning);
  result.text = where.endpoint() + ": " + x.text;
  return result;
}

failure own_failure(errc code, outcome what, std::string text) {
  failure result;
  result.code = code;
  result.what = what;
  result.text = std::move(text);
  return result;
}

} // namespace cenote
