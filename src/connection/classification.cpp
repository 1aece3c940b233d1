#include "connection/classification.hpp"

#include "pool/partial_effects.hpp"
#include "pool/retry_rules.hpp"
#include "types/remedies.hpp"

namespace cenote {

namespace {

pool::stage to_stage(db::phase phase) {
  switch (phase) {
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

failure to_failure(const db::driver_error& error, const pool::classification& classified) {
  failure result;
  result.code = classified.code;
  result.outcome = classified.outcome;
  result.number = error.number;
  result.sqlstate = error.sqlstate;
  result.text = error.text;
  if (error.source == db::error_source::server)
    result.server_text = error.text;
  return result;
}

} // namespace

classified_error classify(const db::driver_error& error, statement_kind kind, bool is_mariadb, bool committing,
                          pool::partial_effect kept) {
  switch (error.source) {
  case db::error_source::invalid_statement:
    return {to_failure(error, {errc::invalid_statement, outcome::rejected}), disposition::reusable};
  case db::error_source::result_too_large: {
    // The server has carried out the statement by then.
    auto harmless = kind == statement_kind::read && kept == pool::partial_effect::none;
    auto outcome = harmless ? cenote::outcome::rejected : cenote::outcome::unknown;
    return {to_failure(error, {errc::result_too_large, outcome}), disposition::broken};
  }
  case db::error_source::process_limit:
    if (error.phase == db::phase::preparing || error.phase == db::phase::sending)
      return {to_failure(error, {errc::overloaded, outcome::unavailable}),
              error.phase == db::phase::preparing ? disposition::reusable : disposition::broken};
    return {to_failure(error, {errc::connection_lost, outcome::unknown}), disposition::broken};
  case db::error_source::settings:     // Of connects only.
  case db::error_source::not_prepared: // Such a statement is sent again instead.
  case db::error_source::server:
    break;
  }
  auto seen = observed(error, is_mariadb);
  if (committing && seen.stage == pool::stage::sent)
    seen.stage = pool::stage::committing;
  auto meaning = pool::classify(seen, kept);
  return {to_failure(error, meaning), meaning.connection};
}

classified_error classify(const db::driver_error& error, const statement& query, bool is_mariadb) {
  return classify(error, query.kind, is_mariadb, false, pool::partial_effect_of(query.sql));
}

pool::observed_error observed(const db::driver_error& error, bool is_mariadb) {
  return {error.number, to_stage(error.phase), error.text, is_mariadb, error.sqlstate};
}

failure to_failure(const db::driver_error& error, const server_settings& server) {
  auto seen = observed(error, true);
  if (seen.stage != pool::stage::setting_up)
    seen.stage = pool::stage::connecting;
  auto is_of_settings = error.source == db::error_source::settings;
  auto result =
      to_failure(error, is_of_settings ? pool::classification{errc::login_refused, outcome::rejected, disposition::lost}
                                       : pool::classify(seen));
  result.text = server.endpoint() + ": " + error.text;
  if (result.code == errc::login_refused && !is_of_settings) // Errors of settings say themselves what to change.
    result.text.append("; ").append(remedy_for(error.number, error.text).advice);
  return result;
}

failure own_failure(errc code, cenote::outcome outcome, std::string text) {
  failure result;
  result.code = code;
  result.outcome = outcome;
  result.text = std::move(text);
  return result;
}

failure of_request(failure reason, const grant& granted) {
  reason.attempts = granted.request.attempts;
  reason.waited = granted.waited;
  return granted.request.maybe_executed ? pool::after_doubt(std::move(reason)) : reason;
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
