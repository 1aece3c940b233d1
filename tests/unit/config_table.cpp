#define CAF_SUITE config.table

#include "config/setting.hpp"

#include "unit/config_support.hpp"

#include <fstream>
#include <limits>
#include <set>
#include <sstream>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::config;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

std::string check_error(void (*change)(settings&)) {
  settings x;
  change(x);
  return error_of([&] { check(x); });
}

} // namespace

SCENARIO("the table has every setting once, with its default from the struct") {
  struct {
    const char* key;
    const char* default_text;
    const char* lowest;
    const char* environment;
  } rows[] = {
      {"pool.name", "\"main\"", "1 byte", ""},
      {"pool.size", "10", "1", "POOL_SIZE"},
      {"pool.max-overflow", "5", "0", "MAX_OVERFLOW"},
      {"pool.min-size", "\"size\"", "0", ""},
      {"pool.idle-timeout", "60s", "0s", ""},
      {"pool.pipeline-depth", "16", "1", ""},
      {"pool.prepared-statements", "32", "0", ""},
      {"pool.timeout", "30s", "1ms", "POOL_TIMEOUT"},
      {"pool.recycle", "3600s", "0s", "POOL_RECYCLE"},
      {"pool.pre-ping", "true", "true or false", "POOL_PRE_PING"},
      {"pool.pre-ping-idle", "1s", "0s", ""},
      {"pool.keepalive", "30s", "0s", ""},
      {"pool.max-waiting", "100000", "1", ""},
      {"pool.max-connecting", "4", "1", ""},
      {"pool.reconnect-delay", "100ms", "1ms", ""},
      {"pool.max-reconnect-delay", "5s", "1ms", ""},
      {"pool.breaker-after", "5s", "0s", ""},
      {"pool.shed-target", "0s", "0s", ""},
      {"pool.shed-interval", "2s", "1ms", ""},
      {"pool.leak-warning", "30s", "0s", ""},
      {"pool.unclaimed-session-timeout", "10s", "0s", ""},
      {"pool.drain-timeout", "30s", "0s", ""},
      {"pool.io-threads", "1", "1", ""},
      {"pool.statement-statistics", "true", "true or false", ""},
      {"server.connect-timeout", "10s", "1s", ""},
      {"server.max-statement-time", "0s", "0s", ""},
      {"server.max-result-bytes", "67108864", "1024", ""},
      {"retry.max-retries", "5", "0", "MAX_RETRIES"},
      {"retry.initial-delay", "1s", "0s", "INITIAL_RETRY_DELAY"},
      {"retry.max-delay", "30s", "0s", "MAX_RETRY_DELAY"},
      {"log.level", "\"info\"", "trace, debug, info, warning, error, critical or off", ""},
      {"log.format", "\"text\"", "text or json", ""},
      {"log.status-interval", "60s", "0s", ""},
      {"http.listen", "\"127.0.0.1:9180\"", "", "CENOTE_HTTP_LISTEN"},
      {"http.token-file", "\"\"", "", "CENOTE_HTTP_TOKEN_FILE"},
      {"http.probe-interval", "5s", "0s", "CENOTE_HTTP_PROBE_INTERVAL"},
      {"node.listen", "\"\"", "", "CENOTE_NODE_LISTEN"},
      {"node.name", "\"\"", "", ""},
      {"node.certificate", "\"\"", "", ""},
      {"node.key", "\"\"", "", ""},
      {"node.ca", "\"\"", "", ""},
      {"node.token-file", "\"\"", "", "CENOTE_NODE_TOKEN_FILE"},
      {"node.admin-token-file", "\"\"", "", ""},
      {"node.max-clients", "1000", "1", ""},
      {"node.max-in-flight", "256", "1", ""},
      {"node.max-sessions", "10", "1", ""},
      {"node.max-waiting", "10000", "1", ""},
      {"node.heartbeat", "1s", "10ms", ""},
      {"node.give-up", "5s", "30ms", ""},
      {"remote.nodes", "\"\"", "", "CENOTE_REMOTE_NODES"},
      {"remote.name", "\"\"", "", ""},
      {"remote.certificate", "\"\"", "", ""},
      {"remote.key", "\"\"", "", ""},
      {"remote.ca", "\"\"", "", ""},
      {"remote.token-file", "\"\"", "", "CENOTE_REMOTE_TOKEN_FILE"},
      {"remote.max-in-flight", "256", "1", ""},
      {"remote.timeout", "30s", "1ms", ""},
      {"remote.heartbeat", "1s", "10ms", ""},
      {"remote.give-up", "5s", "30ms", ""},
      {"budget.connections", "0", "0", ""},
      {"budget.table", "\"cenote_node\"", "1 byte", ""},
      {"budget.lease", "15s", "1s", ""},
  };
  REQUIRE_EQ(setting_table().size(), std::size(rows));
  for (size_t i = 0; i < std::size(rows); ++i) {
    auto& got = setting_table()[i];
    CHECK_EQ(got.key, rows[i].key);
    CHECK_EQ(got.default_text, rows[i].default_text);
    CHECK_EQ(got.minimum, rows[i].lowest);
    CHECK_EQ(got.environment, rows[i].environment);
    CHECK(!got.unit.empty());
    CHECK(got.help.ends_with("."));
  }
}

SCENARIO("no two settings share a field") {
  // Each field is set to a value of its own through the table; if two rows met, the later would overwrite the earlier.
  settings x;
  std::map<std::string, std::string> want;
  auto n = 0;
  for (auto& row : table()) {
    auto value = std::to_string(2000 + ++n);
    if (std::holds_alternative<count>(row.kind) && std::get<count>(row.kind).max < 5000)
      value = std::to_string(1 + n);
    else if (std::holds_alternative<flag>(row.kind))
      value = "false";
    else if (std::holds_alternative<word>(row.kind))
      value = std::get<word>(row.kind).permitted.back();
    REQUIRE(assign(row, x, {value, value}));
    want[row.key] = format(row, x);
  }
  settings defaults;
  for (auto& row : table()) {
    CHECK_EQ(format(row, x), want[row.key]);
    CHECK_NE(format(row, x), format(row, defaults));
  }
}

SCENARIO("the defaults are in range") {
  CHECK_EQ(error_of([] { check(settings{}); }), "(none)");
}

SCENARIO("values out of range are refused with the key, the value and what is permitted") {
  const std::string units = ": seconds, or with a unit as in 30s, 500ms, 5min, 1h";
  CHECK_EQ(check_error([](settings& x) { x.pool.size = 0; }),
           "pool.size is 0, but must be a whole number from 1 to 10000");
  CHECK_EQ(check_error([](settings& x) { x.pool.size = std::numeric_limits<size_t>::max(); }),
           "pool.size is 18446744073709551615, but must be a whole number from 1 to 10000");
  CHECK_EQ(check_error([](settings& x) { x.pool.max_overflow = 10'001; }),
           "pool.max-overflow is 10001, but must be a whole number from 0 to 10000");
  CHECK_EQ(check_error([](settings& x) { x.pool.timeout = 0s; }),
           "pool.timeout is 0s, but must be a time from 1ms to 24h" + units);
  CHECK_EQ(check_error([](settings& x) { x.pool.timeout = std::chrono::nanoseconds::max(); }),
           "pool.timeout is 9223372036854775807ns, but must be a time from 1ms to 24h" + units);
  CHECK_EQ(check_error([](settings& x) { x.pool.recycle = -1s; }),
           "pool.recycle is -1s, but must be 0 or a time from 1ms to 8760h" + units);
  CHECK_EQ(check_error([](settings& x) { x.pool.keepalive = 1ns; }),
           "pool.keepalive is 1ns, but must be 0 or a time from 1ms to 24h" + units);
  CHECK_EQ(check_error([](settings& x) { x.server.connect_timeout = 999ms; }),
           "server.connect-timeout is 999ms, but must be a time from 1s to 24h" + units);
  CHECK_EQ(check_error([](settings& x) { x.server.max_result_bytes = 1023; }),
           "server.max-result-bytes is 1023, but must be a whole number from 1024 to 1073741824");
  CHECK_EQ(check_error([](settings& x) { x.pool.name = ""; }),
           "pool.name is \"\", but must be a text of 1 to 64 bytes without control characters");
  CHECK_EQ(check_error([](settings& x) { x.log.level = "loud"; }),
           "log.level is \"loud\", but must be trace, debug, info, warning, error, critical or off");
}

SCENARIO("a delay cannot grow to less than it begins with") {
  CHECK_EQ(check_error([](settings& x) { x.pool.reconnect_delay = 6s; }),
           "pool.max-reconnect-delay is 5s, but must be at least pool.reconnect-delay, which is 6s");
  CHECK_EQ(check_error([](settings& x) { x.retry.max_delay = 100ms; }),
           "retry.max-delay is 100ms, but must be at least retry.initial-delay, which is 1s");
}

SCENARIO("a pool cannot keep more connections open than it has") {
  CHECK_EQ(check_error([](settings& x) { x.pool.min_size = 12; }),
           "pool.min-size is 12, but must be at most pool.size, which is 10");
}

SCENARIO("server settings made by hand are checked as if they came from a URI") {
  CHECK_EQ(check_error([](settings& x) { x.server.host = "h;unix_socket=/x"; }),
           "database server: host has a character that is not allowed in one (in the user name and the password write "
           "'@' as "
           "%40, '/' as %2F, '?' as %3F)");
  CHECK_EQ(check_error([](settings& x) { x.server.host = ""; }), "database server: host is missing");
  CHECK_EQ(check_error([](settings& x) { x.server.port = 0; }),
           "database server: port must be a number from 1 to 65535");
  CHECK_EQ(check_error([](settings& x) { x.server.read_timeout = -1s; }),
           "database server: read_timeout must be from 0 to 24h");
  CHECK_EQ(check_error([](settings& x) { x.server.write_timeout = 25h; }),
           "database server: write_timeout must be from 0 to 24h");
  CHECK_EQ(check_error([](settings& x) {
             x.server.host = "";
             x.server.unix_socket = "/run/mysqld.sock";
           }),
           "(none)");
}
