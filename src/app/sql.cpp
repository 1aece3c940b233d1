#include "app/advice.hpp"
#include "app/commands.hpp"
#include "app/json.hpp"
#include "app/standard_streams.hpp"
#include "app/table.hpp"

#include <iostream>
#include <iterator>

#include <spdlog/spdlog.h>

namespace cenote::app {

namespace {

/// One statement needs one connection.
settings for_one_statement(settings how) {
  how.pool.size = 1;
  how.pool.max_overflow = 0;
  how.pool.io_lanes = 1;
  return how;
}

std::string read_standard_input() {
  return {std::istreambuf_iterator<char>{std::cin}, {}};
}

/// Why there is no result, as it is to be logged.
struct complaint {
  spdlog::level::level_enum level;
  std::string text;
};

tl::expected<result, complaint> run(pool_host& host, const retry_settings& rules, statement what) {
  // The pool would wait for a server that is down; a person does not.
  if (auto server = host.ask<verification>(verify_atom_v); !server)
    return tl::unexpected{complaint{spdlog::level::critical, explain_no_connection(server.error())}};
  auto retrier = spawn_retrier(host.system(), host.pool(), rules);
  return host.ask_actor<result>(retrier, execute_atom_v, std::move(what)).map_error([](const failure& why) {
    return complaint{spdlog::level::err, explain_failed_statement(why)};
  });
}

tl::expected<result, complaint> run(const job& x, statement what) {
  pool_host host{for_one_statement(x.how), x.caf_options};
  std::stop_callback on_signal{x.signals.first(), [&host] { host.cut(); }};
  return run(host, x.how.retry, std::move(what));
}

} // namespace

int sql(const job& x) {
  auto text = x.wish.sql == "-" ? read_standard_input() : x.wish.sql;
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    spdlog::critical("the statement is empty");
    return wrong_use;
  }
  auto answer = run(x, to_statement(std::move(text), x.wish.params, x.wish.param_reading));
  if (!answer) {
    if (x.signals.received() == 0)
      spdlog::log(answer.error().level, "{}", answer.error().text);
    return failed;
  }
  print(x.wish.json ? dump(to_json(*answer)) + "\n" : to_table(*answer));
  return success;
}

} // namespace cenote::app
