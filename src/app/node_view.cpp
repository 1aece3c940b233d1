#include "app/node_view.hpp"

#include "app/json.hpp"
#include "app/record_json.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace cenote::app {

namespace {

using json = nlohmann::ordered_json;

constexpr int ok = 200;

http::fetched answered(const json& body) {
  return {ok, dump(body), {}};
}

http::fetched no_answer(const failure& why) {
  return {0, {}, why.text};
}

/// Failed statements, as far as the costliest are concerned.
uint64_t failed_statements(const pool_answers& told) {
  uint64_t out = 0;
  if (told.statements)
    for (auto& x : *told.statements)
      out += x.errors;
  return out;
}

/// Zero if it has become less: another pool tells now, or the cheaper half of the statements has been forgotten.
double growth(uint64_t before, uint64_t now) {
  return now > before ? static_cast<double>(now - before) : 0;
}

} // namespace

top_view node_observer::update(const pool_answers& told, time_point now) {
  top_answers as_http;
  if (!told.status) {
    samples_.clear();
    as_http.status = no_answer(told.status.error());
    return read_answers(as_http);
  }
  auto kept = told.settings ? told.settings->pool.kept() : told.status->pool_size;
  pool_view seen;
  seen.status = *told.status;
  json status;
  status["state"] = to_json(tracker_.update(seen, kept, now));
  status["status"] = to_json(*told.status);
  as_http.status = answered(status);
  as_http.sessions =
      told.details ? answered({{"sessions", to_json(told.details->sessions)}}) : no_answer(told.details.error());
  as_http.connections =
      told.details ? answered({{"connections", to_json(told.details->connections)}}) : no_answer(told.details.error());
  auto counted = !told.settings || told.settings->pool.statement_statistics;
  as_http.statements = told.statements ? answered({{"enabled", counted}, {"statements", to_json(*told.statements)}})
                                       : no_answer(told.statements.error());
  as_http.events = answered(to_json(told.events));
  auto out = read_answers(as_http);
  out.history = compare(told, now);
  return out;
}

top_history node_observer::compare(const pool_answers& told, time_point now) {
  auto& status = *told.status;
  sample newest{now, status, failed_statements(told)};
  if (!samples_.empty()
      && (status.pool != samples_.back().status.pool || status.served < samples_.back().status.served))
    samples_.clear(); // Another pool tells now.
  samples_.push_back(std::move(newest));
  while (samples_.size() > 2 && now - samples_[1].at >= span)
    samples_.pop_front();
  auto& before = samples_.front();
  top_history out;
  out.no_times = "not told by pool nodes, as are retries: ask 'cenote top URL'";
  if (told.details)
    out.closing = static_cast<double>(
        std::ranges::count(told.details->connections, connection_activity::closing, &connection_details::activity));
  out.span = std::chrono::duration<double>(now - before.at).count();
  out.statements_per_second = out.span > 0 ? growth(before.status.served, status.served) / out.span : 0;
  auto add = [&out](const char* name, uint64_t was, uint64_t is) {
    if (auto more = growth(was, is); more > 0)
      out.errors[name] = more;
  };
  add("failed", before.failed_statements, samples_.back().failed_statements);
  add("acquire_timeout", before.status.timed_out, status.timed_out);
  add("refused", before.status.refused, status.refused);
  add("overloaded", before.status.shed, status.shed);
  add("connection lost", before.status.lost, status.lost);
  return out;
}

} // namespace cenote::app
