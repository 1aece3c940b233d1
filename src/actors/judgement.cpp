#include "actors/judgement.hpp"

#include "cenote/error.hpp"
#include "pool/partial_effects.hpp"
#include "types/remedies.hpp"

namespace cenote {

namespace {

pool::stage to_stage(db::phase x) {
  switch (x) {
  case db::phase::connecting:
    return pool::stage::connecting;
  case db::phase::setting_up:
    return pool::stage::setting_up;
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

judgement judge(const db::trouble& x, statement_kind kind, bool is_mariadb, bool committing,
                pool::partial_effect kept) {
  switch (x.source) {
  case db::complaint::invalid_statement:
    return {to_failure(x, {errc::invalid_statement, outcome::rejected}), fate::reusable};
  case db::complaint::result_too_large: {
    // The server has carried the statement out by then.
    auto harmless = kind == statement_kind::read && kept == pool::partial_effect::none;
    auto what = harmless ? outcome::rejected : outcome::unknown;
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
  auto seen = observed(x, is_mariadb);
  if (committing && seen.when == pool::stage::sent)
    seen.when = pool::stage::committing;
  auto meaning = pool::judge(seen, kept);
  return {to_failure(x, meaning), meaning.connection};
}

judgement judge(const db::trouble& x, const statement& what, bool is_mariadb) {
  return judge(x, what.kind, is_mariadb, false, pool::partial_effect_of(what.sql));
}

pool::observed_error observed(const db::trouble& x, bool is_mariadb) {
  return {x.number, to_stage(x.when), x.text, is_mariadb, x.sqlstate};
}

failure to_failure(const db::trouble& x, const server_settings& where) {
  auto seen = observed(x, true);
  if (seen.when != pool::stage::setting_up)
    seen.when = pool::stage::connecting;
  auto of_settings = x.source == db::complaint::settings;
  auto result = to_failure(x, of_settings ? pool::verdict{errc::login_refused, outcome::rejected, fate::lost}
                                          : pool::judge(seen));
  result.text = where.endpoint() + ": " + x.text;
  if (result.code == errc::login_refused && !of_settings) // What is wrong with settings says itself what to change.
    result.text.append("; ").append(remedy_for(x.number, x.text).todo);
  return result;
}

failure own_failure(errc code, outcome what, std::string text) {
  failure result;
  result.code = code;
  result.what = what;
  result.text = std::move(text);
  return result;
}

caf::error caller_has_ended(outcome what) {
  return make_error(own_failure(errc::interrupted, what, "the actor that this was asked for has ended"));
}

} // namespace cenote
