#include "connection/classification.hpp"

#include "pool/partial_effects.hpp"
#include "pool/retry_rules.hpp"
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

failure to_failure(const db::driver_error& x, const pool::classification& meaning) {
  failure result;
  result.code = meaning.code;
  result.outcome = meaning.outcome;
  result.number = x.number;
  result.sqlstate = x.sqlstate;
  result.text = x.text;
  if (x.source == db::error_source::server)
    result.server_text = x.text;
  return result;
}

} // namespace

classified_error classify(const db::driver_error& x, statement_kind kind, bool is_mariadb, bool committing,
                          pool::partial_effect kept) {
  switch (x.source) {
  case db::error_source::invalid_statement:
    return {to_failure(x, {errc::invalid_statement, outcome::rejected}), disposition::reusable};
  case db::error_source::result_too_large: {
    // The server has carried the statement out by then.
    auto harmless = kind == statement_kind::read && kept == pool::partial_effect::none;
    auto outcome = harmless ? cenote::outcome::rejected : cenote::outcome::unknown;
    return {to_failure(x, {errc::result_too_large, outcome}), disposition::broken};
  }
  case db::error_source::process_limit:
    if (x.phase == db::phase::preparing || x.phase == db::phase::sending)
      return {to_failure(x, {errc::overloaded, outcome::unavailable}),
              x.phase == db::phase::preparing ? disposition::reusable : disposition::broken};
    return {to_failure(x, {errc::connection_lost, outcome::unknown}), disposition::broken};
  case db::error_source::settings: // Of connects only.
  case db::error_source::server:
    break;
  }
  auto seen = observed(x, is_mariadb);
  if (committing && seen.stage == pool::stage::sent)
    seen.stage = pool::stage::committing;
  auto meaning = pool::classify(seen, kept);
  return {to_failure(x, meaning), meaning.connection};
}

classified_error classify(const db::driver_error& x, const statement& text, bool is_mariadb) {
  return classify(x, text.kind, is_mariadb, false, pool::partial_effect_of(text.sql));
}

pool::observed_error observed(const db::driver_error& x, bool is_mariadb) {
  return {x.number, to_stage(x.phase), x.text, is_mariadb, x.sqlstate};
}

failure to_failure(const db::driver_error& x, const server_settings& where) {
  auto seen = observed(x, true);
  if (seen.stage != pool::stage::setting_up)
    seen.stage = pool::stage::connecting;
  auto of_settings = x.source == db::error_source::settings;
  auto result =
      to_failure(x, of_settings ? pool::classification{errc::login_refused, outcome::rejected, disposition::lost}
                                : pool::classify(seen));
  result.text = where.endpoint() + ": " + x.text;
  if (result.code == errc::login_refused && !of_settings) // What is wrong with settings says itself what to change.
    result.text.append("; ").append(remedy_for(x.number, x.text).advice);
  return result;
}

failure own_failure(errc code, cenote::outcome outcome, std::string text) {
  failure result;
  result.code = code;
  result.outcome = outcome;
  result.text = std::move(text);
  return result;
}

failure of_request(failure why, const grant& what) {
  why.attempts = what.request.attempts;
  why.waited = what.waited;
  return what.request.maybe_executed ? pool::after_doubt(std::move(why)) : why;
}

failure session_has_ended(session_id id, cenote::outcome outcome, const std::string& reason) {
  return own_failure(errc::session_ended, outcome,
                     "session " + std::to_string(static_cast<uint64_t>(id)) + " has ended"
                         + (reason.empty() ? ", or never was" : ": " + reason) + "; check out another one");
}

failure caller_has_ended(cenote::outcome outcome) {
  return own_failure(errc::interrupted, outcome, "the actor that this was asked for has ended");
}

} // namespace cenote
