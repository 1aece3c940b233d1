#include "app/advice.hpp"
#include "app/commands.hpp"
#include "app/json.hpp"
#include "app/node_access.hpp"
#include "app/standard_streams.hpp"
#include "app/table.hpp"

#include <string>
#include <utility>

#include <spdlog/spdlog.h>

namespace cenote::app {

namespace {

/// No server takes more in one piece.
constexpr size_t max_statement = size_t{1} << 30;

/// Why there is no result, as it is to be logged.
struct failure_report {
  spdlog::level::level_enum level;
  std::string text;
};

/// A result and the texts of its warnings, as far as they are known.
struct statement_result {
  result rows;
  std::vector<warning> warnings;
};

/// What the server has to say beside the result. It remembers that until the connection's next statement, or its reset
/// after a statement that leaves traces in its session. There is one connection, and nobody else uses it.
std::vector<warning> warnings_of(pool_host& host, const result& rows) {
  std::vector<warning> out;
  if (warning_count(rows) == 0)
    return out;
  auto told = host.ask<result>(execute_atom_v, read("SHOW WARNINGS"));
  if (told && told->columns().size() == 3)
    for (auto row : *told)
      out.push_back({std::string{row.text(0)}, std::string{row.text(1)}, std::string{row.text(2)}});
  return out;
}

using outcome_of_run = tl::expected<statement_result, failure_report>;

outcome_of_run no_connection(std::string text) {
  return tl::unexpected{failure_report{spdlog::level::critical, std::move(text)}};
}

/// @param is_shared whether others use the pool: then warnings cannot be asked for, since any connection may answer.
outcome_of_run run(pool_host& host, const retry_settings& rules, statement what, bool is_shared) {
  // The pool would wait for a server that is down; a person does not.
  if (auto server = host.ask<verification>(verify_atom_v); !server)
    return no_connection(explain_no_connection(server.error()));
  auto retrier = spawn_retrier(host.system(), host.pool(), rules);
  auto rows = host.ask_actor<result>(retrier, execute_atom_v, std::move(what));
  if (!rows)
    return tl::unexpected{failure_report{spdlog::level::err, explain_failed_statement(rows.error())}};
  auto warnings = is_shared ? std::vector<warning>{} : warnings_of(host, *rows);
  return statement_result{std::move(*rows), std::move(warnings)};
}

outcome_of_run run_at_node(const invocation& x, statement what) {
  auto nodes = for_one_command(x);
  pool_host host{nodes, x.caf_options};
  std::stop_callback on_signal{x.signals.first(), [&host] { host.cut(); }};
  if (auto problem = find_node_problem(host))
    return no_connection(*problem);
  return run(host, x.how.retry, std::move(what), true);
}

outcome_of_run run(const invocation& x, statement what) {
  if (x.opts.through_node)
    return run_at_node(x, std::move(what));
  pool_host host{for_one_connection(x.how), x.caf_options};
  std::stop_callback on_signal{x.signals.first(), [&host] { host.cut(); }};
  return run(host, x.how.retry, std::move(what), false);
}

} // namespace

void read_statement(options& opts) {
  if (opts.sql == "-")
    opts.sql = read_input(max_statement);
  if (opts.sql.find_first_not_of(" \t\r\n") == std::string::npos)
    throw input_error{"the statement is empty"};
}

answer sql(const invocation& x) {
  auto done = run(x, to_statement(x.opts.sql, x.opts.params, x.opts.param_reading));
  if (!done) {
    if (x.signals.received() == 0)
      spdlog::log(done.error().level, "{}", done.error().text);
    return {failed, {}};
  }
  auto& [rows, warnings] = *done;
  return {success, x.opts.json ? dump(to_json(rows, warnings)) + "\n" : to_table(rows) + to_lines(rows, warnings)};
}

} // namespace cenote::app
