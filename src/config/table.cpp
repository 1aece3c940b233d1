// The settings. Everything else is made from this table: reading of file, environment and command line, ranges, help.
// The config file and docs/settings.md repeat it for people; a test compares them.

#include "config/setting.hpp"

namespace cenote::config {

namespace {

using namespace std::chrono_literals;

/// A field of a group of settings.
template <class Group, class T>
field<T> at(Group settings::*group, T Group::*member) {
  return [group, member](settings& config) -> T& { return config.*group.*member; };
}

template <class T>
field<T> budget(T budget_settings::*member) {
  return [member](settings& config) -> T& { return config.pool.budget.*member; };
}

constexpr auto day = 24h; ///< Long enough for every wait, and far from any overflow.

std::vector<setting> make_table() {
  auto server = [](auto member) { return at(&settings::server, member); };
  auto pool = [](auto member) { return at(&settings::pool, member); };
  auto retry = [](auto member) { return at(&settings::retry, member); };
  auto log = [](auto member) { return at(&settings::log, member); };
  auto http = [](auto member) { return at(&settings::http, member); };
  auto node = [](auto member) { return at(&settings::node, member); };
  auto remote = [](auto member) { return at(&settings::remote, member); };
  return {
      {"pool.name", "text", label{pool(&pool_settings::name), 64}, "", "The pool's name in errors, logs and status."},
      {"pool.size", "connections", count{pool(&pool_settings::size), 1, 10'000}, "POOL_SIZE",
       "Connections kept open, unless pool.min-size says fewer."},
      {"pool.max-overflow", "connections", count{pool(&pool_settings::max_overflow), 0, 10'000}, "MAX_OVERFLOW",
       "Additional connections while callers wait; 0 means none."},
      {"pool.min-size", "connections", count_or_word{pool(&pool_settings::min_size), 0, 10'000, "size"}, "",
       "Connections kept open even if they are not needed; \"size\" means pool.size, 0 none."},
      {"pool.idle-timeout", "seconds", duration{pool(&pool_settings::idle_timeout), 1ms, day, true}, "",
       "Idle time after which a connection beyond those is closed; 0 means as soon as no caller waits."},
      {"pool.pipeline-depth", "statements", count{pool(&pool_settings::pipeline_depth), 1, 64}, "",
       "Reads and idempotent writes that one connection carries at a time, if none is idle; 1 means one."},
      {"pool.prepared-statements", "statements", count{pool(&pool_settings::prepared_statements), 0, 1000}, "",
       "Texts of frequent statements that one connection keeps prepared on the server; 0 means none."},
      {"pool.timeout", "seconds", duration{pool(&pool_settings::timeout), 1ms, day}, "POOL_TIMEOUT",
       "Longest wait for a connection."},
      {"pool.recycle", "seconds", duration{pool(&pool_settings::recycle), 1ms, 365 * day, true, true}, "POOL_RECYCLE",
       "Age at which an idle connection is replaced, minus up to 10 % at random; 0 or -1 means never."},
      {"pool.pre-ping", "bool", flag{pool(&pool_settings::pre_ping)}, "POOL_PRE_PING",
       "Whether a connection is checked before each use."},
      {"pool.pre-ping-idle", "seconds", duration{pool(&pool_settings::pre_ping_idle), 1ms, day, true}, "",
       "Idle time after which that check is a round trip, not only a check of the socket; 0 means always."},
      {"pool.keepalive", "seconds", duration{pool(&pool_settings::keepalive), 1ms, day, true}, "",
       "How often an idle connection is pinged; 0 means never."},
      {"pool.max-waiting", "callers", count{pool(&pool_settings::max_waiting), 1, 10'000'000}, "",
       "Callers that may wait at a time; one more is refused at once, unless it had a connection already."},
      {"pool.max-connecting", "connections", count{pool(&pool_settings::max_connecting), 1, 256}, "",
       "Connections being opened at a time."},
      {"pool.reconnect-delay", "seconds", duration{pool(&pool_settings::reconnect_delay), 1ms, day}, "",
       "Delay after the first failed connect; doubles with each further one, minus up to 50 % at random."},
      {"pool.max-reconnect-delay", "seconds", duration{pool(&pool_settings::max_reconnect_delay), 1ms, day}, "",
       "That delay grows no further than this."},
      {"pool.breaker-after", "seconds", duration{pool(&pool_settings::breaker_after), 1ms, day, true}, "",
       "How long connects may fail before callers are refused at once instead of waiting; 0 means never."},
      {"pool.shed-target", "seconds", duration{pool(&pool_settings::shed_target), 1ms, day, true}, "",
       "If all callers wait longer than this, those that wait twice as long are refused; 0 means never."},
      {"pool.shed-interval", "seconds", duration{pool(&pool_settings::shed_interval), 1ms, day}, "",
       "How long all callers must have waited that long before any is refused."},
      {"pool.leak-warning", "seconds", duration{pool(&pool_settings::leak_warning), 1ms, day, true}, "",
       "A session held for longer is logged with its owner and last statement; 0 means never."},
      {"pool.unclaimed-session-timeout", "seconds",
       duration{pool(&pool_settings::unclaimed_session_timeout), 1ms, day, true}, "",
       "A session that its holder has not used once within this time ends; 0 means never."},
      {"pool.drain-timeout", "seconds", duration{pool(&pool_settings::drain_timeout), 1ms, day, true}, "",
       "Longest time that a shutdown waits for accepted work; 0 means not at all."},
      {"pool.io-threads", "threads", count{pool(&pool_settings::io_threads), 1, 64}, "",
       "I/O threads over which the connections are spread."},
      {"pool.statement-statistics", "bool", flag{pool(&pool_settings::statement_statistics)}, "",
       "Whether statements are counted and timed by their text without its literals."},
      {"server.connect-timeout", "seconds", duration{server(&server_settings::connect_timeout), 1s, day}, "",
       "Longest time for one connect, from the host's name to the set-up query. The URI overrides the file."},
      {"server.max-statement-time", "seconds", duration{server(&server_settings::max_statement_time), 1ms, day, true},
       "", "The server itself stops statements that run for longer; 0 means never."},
      {"server.max-result-bytes", "bytes", count{server(&server_settings::max_result_bytes), 1 << 10, 1 << 30}, "",
       "A statement's result above this size is an error."},
      {"retry.max-retries", "retries", count{retry(&retry_settings::max_retries), 0, 1000}, "MAX_RETRIES",
       "How often a failed request is repeated where that is safe; 0 means never."},
      {"retry.initial-delay", "seconds", duration{retry(&retry_settings::initial_delay), 1ms, day, true},
       "INITIAL_RETRY_DELAY", "Delay before the first retry; doubles with each further one."},
      {"retry.max-delay", "seconds", duration{retry(&retry_settings::max_delay), 1ms, day, true}, "MAX_RETRY_DELAY",
       "That delay grows no further than this."},
      {"log.level", "text",
       word{log(&log_settings::level), {"trace", "debug", "info", "warning", "error", "critical", "off"}}, "",
       "The least severe messages that are logged; trace adds each decision of the pool."},
      {"log.format", "text", word{log(&log_settings::format), {"text", "json"}}, "",
       "Lines for people, or one JSON object per line."},
      {"log.status-interval", "seconds", duration{log(&log_settings::status_interval), 1ms, day, true}, "",
       "How often `cenote serve` logs the pool's status; 0 means never."},
      {"http.listen", "text", label{http(&http_settings::listen), 256, true}, "CENOTE_HTTP_LISTEN",
       "Address and port where `cenote serve` answers HTTP; port 0 means a free one, off or an empty text none."},
      {"http.token-file", "text", label{http(&http_settings::token_file), 4096, true}, "CENOTE_HTTP_TOKEN_FILE",
       "File with the token that requests other than /livez and /readyz must show; empty means none."},
      {"http.probe-interval", "seconds", duration{http(&http_settings::probe_interval), 1ms, day, true},
       "CENOTE_HTTP_PROBE_INTERVAL",
       "How often at most a probe sends the server a statement, over an idle connection; 0 means never."},
      {"node.listen", "text", label{node(&node_settings::listen), 256, true}, "CENOTE_NODE_LISTEN",
       "Address and port where `cenote serve` publishes its pool; port 0 means a free one, off or an empty text none."},
      {"node.name", "text", label{node(&node_settings::name), 64, true}, "",
       "The node's name, shown to clients; empty means the host's name."},
      {"node.certificate", "text", label{node(&node_settings::certificate), 4096, true}, "",
       "PEM file of the node's certificate and its chain; empty means clear text, on this machine only."},
      {"node.key", "text", label{node(&node_settings::key), 4096, true}, "",
       "PEM file of that certificate's key, without a passphrase."},
      {"node.ca", "text", label{node(&node_settings::ca), 4096, true}, "",
       "PEM file of the CA that has signed the clients' certificates."},
      {"node.token-file", "text", label{node(&node_settings::token_file), 4096, true}, "CENOTE_NODE_TOKEN_FILE",
       "File with the token that clients must show; empty means none."},
      {"node.admin-token-file", "text", label{node(&node_settings::admin_token_file), 4096, true}, "",
       "File with the token of clients that may also dispose, pause, resume and kill; empty means that none may."},
      {"node.max-clients", "clients", count{node(&node_settings::max_clients), 1, 100'000}, "",
       "Clients at a time; one more is turned away."},
      {"node.max-in-flight", "requests", count{node(&node_settings::max_in_flight), 1, 100'000}, "",
       "Requests of one client that are with the pool at a time; others wait."},
      {"node.max-sessions", "sessions", count{node(&node_settings::max_sessions), 1, 10'000}, "",
       "Sessions of one client at a time."},
      {"node.max-waiting", "requests", count{node(&node_settings::max_waiting), 1, 10'000'000}, "",
       "Requests of one client that wait for their turn; one more is refused at once."},
      {"node.heartbeat", "seconds", duration{node(&node_settings::heartbeat), 10ms, day}, "",
       "How often a client is asked for a sign of life."},
      {"node.give-up", "seconds", duration{node(&node_settings::give_up), 30ms, day}, "",
       "A client that gives none for this long is given up: its sessions end."},
      {"remote.nodes", "text", label{remote(&remote_settings::nodes), 4096, true}, "CENOTE_REMOTE_NODES",
       "The pool nodes to use, host:port with commas between: the first that answers, the next if it is lost."},
      {"remote.name", "text", label{remote(&remote_settings::name), 64, true}, "",
       "This client's name, shown by nodes; empty means the host's name and the process id."},
      {"remote.certificate", "text", label{remote(&remote_settings::certificate), 4096, true}, "",
       "PEM file of the client's certificate and its chain; empty means clear text, on this machine only."},
      {"remote.key", "text", label{remote(&remote_settings::key), 4096, true}, "",
       "PEM file of that certificate's key, without a passphrase."},
      {"remote.ca", "text", label{remote(&remote_settings::ca), 4096, true}, "",
       "PEM file of the CA that has signed the nodes' certificates."},
      {"remote.token-file", "text", label{remote(&remote_settings::token_file), 4096, true}, "CENOTE_REMOTE_TOKEN_FILE",
       "File with the token to show to nodes; empty means none."},
      {"remote.max-in-flight", "requests", count{remote(&remote_settings::max_in_flight), 1, 100'000}, "",
       "Requests that a node works on at a time; others wait here."},
      {"remote.timeout", "seconds", duration{remote(&remote_settings::timeout), 1ms, day}, "",
       "Longest wait for a node."},
      {"remote.heartbeat", "seconds", duration{remote(&remote_settings::heartbeat), 10ms, day}, "",
       "How often a node is asked for a sign of life."},
      {"remote.give-up", "seconds", duration{remote(&remote_settings::give_up), 30ms, day}, "",
       "A node that gives none for this long is given up: the next one is used."},
      {"budget.connections", "connections", count{budget(&budget_settings::connections), 0, 1'000'000}, "",
       "Connections that all pools with the same database may have together; 0 means no such limit."},
      {"budget.table", "text", label{budget(&budget_settings::table), 129}, "",
       "The table, in the pool's database or schema.table, where they agree; created if it is missing."},
      {"budget.lease", "seconds", duration{budget(&budget_settings::lease), 1s, day}, "",
       "How long the connections of a process that has vanished are left to it."},
  };
}

std::vector<setting_info> make_infos() {
  std::vector<setting_info> out;
  for (auto& definition : table())
    out.push_back({definition.key, definition.unit, format(definition, settings{}), lowest(definition),
                   definition.environment, definition.help});
  return out;
}

} // namespace

const std::vector<setting>& table() {
  static const auto instance = make_table();
  return instance;
}

} // namespace cenote::config

namespace cenote {

const std::vector<setting_info>& setting_table() {
  static const auto instance = config::make_infos();
  return instance;
}

} // namespace cenote
