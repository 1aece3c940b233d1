#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cenote {

/// A string that must not be shown. It has no stream operator and is no message type, so that printing or sending it by
/// accident does not compile.
class secret {
public:
  /// An empty text.
  secret() = default;

  /// Takes the text.
  explicit secret(std::string text) : text_{std::move(text)} {
    // nop
  }

  /// The text itself: only for handing it to the server.
  const std::string& reveal() const noexcept { return text_; }

  /// Whether there is no text.
  bool empty() const noexcept { return text_.empty(); }

  bool operator==(const secret&) const = default;

private:
  std::string text_;
};

/// How much TLS is asked for.
enum class tls_mode : uint8_t {
  disabled,    ///< Clear text.
  required,    ///< Encrypted; the server's certificate is not checked.
  verify_ca,   ///< The certificate must be signed by the given CA.
  verify_full, ///< And it must be issued for the host's name or address.
};

/// A server's address.
struct server_address {
  std::string host;     ///< Name or address.
  uint16_t port = 3306; ///< Of TCP.
  bool operator==(const server_address&) const = default;
};

/// The server's address and how to log in: the content of a database URI. See `parse_uri`.
struct server_settings {
  std::string host = "127.0.0.1"; ///< `localhost` means TCP, unless `unix_socket` is set.
  uint16_t port = 3306;           ///< Of TCP.
  /// Servers to use instead while the first is unavailable, in this order. If there are any, a server that is read-only
  /// counts as unavailable: the pool looks for the primary.
  std::vector<server_address> other_hosts;
  std::string unix_socket; ///< Path; used instead of host and port if not empty.
  std::string user;        ///< The account to log in as.
  secret password;         ///< Its password; may be empty.
  std::string database;    ///< Empty: none selected.

  tls_mode tls = tls_mode::disabled; ///< How much TLS is asked for.
  std::string tls_ca;                ///< PEM file; empty: the system's.
  std::string tls_capath;            ///< Folder of CA certificates.
  std::string tls_cert;              ///< PEM file of the client's certificate.
  std::string tls_key;               ///< PEM file of its key.
  /// Passphrase of the key, if it is encrypted.
  secret tls_key_passphrase;
  std::string tls_key_passphrase_file; ///< File that holds it, read at each connect; empty: `tls_key_passphrase`.
  /// Permitted ciphers, in OpenSSL's form; empty: the library's choice. Names of TLS 1.3 (`TLS_...`) or of TLS 1.2, not
  /// both: the other version is not offered then.
  std::string tls_cipher;

  /// Of the connection: utf8mb4, or utf8 or utf8mb3, which mean utf8mb4. All text is UTF-8.
  std::string charset = "utf8mb4";
  std::string init_command;            ///< Run after every connect and reset.
  std::string sql_mode;                ///< Set after every connect and reset; empty: the server's.
  std::string program_name = "cenote"; ///< Shown in performance_schema.session_connect_attrs.
  std::string bind_address;            ///< Local address to connect from; empty: the system's choice.
  bool compress = false;               ///< Whether the protocol is compressed.

  /// Longest time for one connect: from the resolution of the host's name to the last answer of the set-up. At least 1
  /// s. The network addresses of a host share it.
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds{10};
  std::chrono::nanoseconds read_timeout{0};  ///< Of each wait for the server in it; zero: `connect_timeout` alone.
  std::chrono::nanoseconds write_timeout{0}; ///< Likewise.

  /// The server itself stops statements that run for longer, such as those of a client that has vanished. Zero: never.
  /// On MySQL only reads are stopped.
  std::chrono::nanoseconds max_statement_time{0};

  /// A statement's result above this size is an error. From 1 KiB to 1 GiB.
  uint64_t max_result_bytes = 64u << 20;

  /// Statements above this size are refused before anything is sent. Zero: the server's `max_allowed_packet` alone.
  uint64_t max_allowed_packet = 0;

  /// The endpoint without credentials: `db.example:3306/bato` or `/run/mysqld.sock/bato`. For logs.
  std::string endpoint() const;

  bool operator==(const server_settings&) const = default;

  /// How many servers there are: at least 1.
  size_t servers() const noexcept { return 1 + other_hosts.size(); }

  /// How to log in to the n-th of them, counted from 0, alone.
  server_settings server(size_t n) const;
};

/// The connections that pools of several processes, with the same server, may have together; see docs/budget.md. They
/// agree on the share of each, which follows its need, and is never less than one connection for callers.
struct budget_settings {
  /// Of all of them, the one from which each stops statements included. Zero: no budget. If they are set to different
  /// numbers, the smallest counts.
  size_t connections = 0;
  /// Where they agree: `table` in the pool's database, or `schema.table`; created if it is missing.
  std::string table = "cenote_node";
  /// How long the share of a process that has vanished is left to it. At least 1 s, and longer than the transactions of
  /// a pool whose connections may all be busy with them. The same for all of them.
  std::chrono::nanoseconds lease = std::chrono::seconds{15};

  bool operator==(const budget_settings&) const = default;
};

/// The pool's rules.
struct pool_settings {
  std::string name = "main"; ///< Shown in errors, logs and status.

  size_t size = 10;        ///< Connections kept open, unless `min_size` says fewer. At least 1.
  size_t max_overflow = 5; ///< Additional connections while callers wait. Zero: none.

  /// Connections kept open even if they are not needed. Up to `size`; empty: as many as `size`. Above it the pool grows
  /// for callers that wait for longer than a connect takes, and shrinks after `idle_timeout`. Zero: all are closed
  /// after `idle_timeout`, the first is opened when a request comes, and while the server is down one connect is tried
  /// from time to time.
  std::optional<size_t> min_size;
  /// How long a connection beyond `min_size` may be idle. Zero: it is closed as soon as no request waits.
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds{60};

  /// The most statements that one connection carries at a time, sent one behind the other without waiting for the
  /// answers. Only reads and idempotent writes share a connection, and only if none is idle. From 1, which means that
  /// every statement has its connection alone, to 64.
  size_t pipeline_depth = 16;

  /// The most texts that one connection keeps as prepared statements: those of reads and idempotent writes that it has
  /// run some times; see docs/usage.md. Fewer if the server does not permit that many to each of its connections.
  /// Zero: none. Up to 1000.
  size_t prepared_statements = 32;

  /// Longest wait for a connection. At least 1 ms. How long whole calls may take: see `database`.
  std::chrono::nanoseconds timeout = std::chrono::seconds{30};
  /// Age at which an idle connection is replaced, minus up to 10 % at random. Zero: never.
  std::chrono::nanoseconds recycle = std::chrono::seconds{3600};

  /// Whether a connection is checked before each use: its socket always, with a round trip after `pre_ping_idle`.
  bool pre_ping = true;
  /// Idle time after which the check before use is a real ping. Zero: always.
  std::chrono::nanoseconds pre_ping_idle = std::chrono::seconds{1};
  /// How often an idle connection is pinged. Zero: never.
  std::chrono::nanoseconds keepalive = std::chrono::seconds{30};

  /// Callers that may wait at a time; one more is refused with `errc::queue_full`. Requests that had a connection and
  /// come back to the head of the queue, because it was dead or slow, are never refused for this. At least 1.
  size_t max_waiting = 100'000;
  /// Connects under way at a time. At least 1.
  size_t max_connecting = 4;

  /// Delay after the first failed connect; doubles with each further one, each time minus up to 50 % at random.
  std::chrono::nanoseconds reconnect_delay = std::chrono::milliseconds{100};
  /// The delay grows no further than this.
  std::chrono::nanoseconds max_reconnect_delay = std::chrono::seconds{5};
  /// While connects have not failed for longer than this, callers wait for the server, and the delay stays below 1.5
  /// times `reconnect_delay`. Then the circuit breaker opens: callers are refused at once. Zero: never.
  std::chrono::nanoseconds breaker_after = std::chrono::seconds{5};

  /// If in a whole `shed_interval` every request had to wait for longer than this, those that have waited for twice as
  /// long are refused with `errc::overloaded`, until one is served in time. Zero: never.
  std::chrono::nanoseconds shed_target{0};
  /// The time span that `shed_target` is about. At least 1 ms.
  std::chrono::nanoseconds shed_interval = std::chrono::seconds{2};

  /// A session that is held for longer is logged, with its owner and its last statement. Zero: never.
  std::chrono::nanoseconds leak_warning = std::chrono::seconds{30};

  /// A session that its holder has not used once within this time ends, and is logged: the answer may have been lost.
  /// Zero: never.
  std::chrono::nanoseconds unclaimed_session_timeout = std::chrono::seconds{10};

  /// Longest time that a shutdown waits for accepted work. Zero: not at all.
  std::chrono::nanoseconds drain_timeout = std::chrono::seconds{30};

  /// I/O threads over which the connections are spread. At least 1.
  size_t io_threads = 1;

  /// Whether statements are counted and timed by their digest; see `statement_summary`.
  bool statement_statistics = true;

  budget_settings budget; ///< What this pool and others may have together.

  /// Connections that are kept open in any case.
  size_t kept() const noexcept { return min_size.value_or(size); }

  bool operator==(const pool_settings&) const = default;
};

/// When and how often failed requests are repeated; see `spawn_retrier`.
struct retry_settings {
  size_t max_retries = 5;                                           ///< Zero: none.
  std::chrono::nanoseconds initial_delay = std::chrono::seconds{1}; ///< Before the first retry; doubles each time.
  std::chrono::nanoseconds max_delay = std::chrono::seconds{30};    ///< Grows no further than this.
};

/// How the program logs.
struct log_settings {
  std::string level = "info";  ///< trace, debug, info, warning, error, critical or off.
  std::string format = "text"; ///< text or json.
  /// How often `cenote serve` logs the pool's status. Zero: never.
  std::chrono::nanoseconds status_interval = std::chrono::seconds{60};
};

/// How `cenote serve` is watched and controlled over HTTP.
struct http_settings {
  std::string listen = "127.0.0.1:9180"; ///< Address and port; port 0: any free one. Empty or `off`: none.
  std::string token_file;                ///< File with the token that requests must show. Empty: none.
  /// How often at most a probe may send a statement to the server, over an idle connection. Zero: never.
  std::chrono::nanoseconds probe_interval = std::chrono::seconds{5};

  /// Whether there is HTTP at all.
  bool enabled() const noexcept { return !listen.empty() && listen != "off"; }
};

/// How a process publishes its pool to other processes; see `spawn_node`.
struct node_settings {
  /// Address and port, as `0.0.0.0:4243`; port 0: any free one. Empty or `off`: not published. Without certificate, key
  /// and CA only addresses of this machine itself are permitted.
  std::string listen;
  std::string name;        ///< Shown to clients; empty: the host's name.
  std::string certificate; ///< PEM file of the certificate, for server authentication, and of its chain.
  std::string key;         ///< PEM file of its key, without a passphrase.
  std::string ca;          ///< PEM file of the CA that has signed the clients' certificates.
  std::string token_file;  ///< File with the token that clients have to show. Empty: none.
  /// File with the token of clients that may also dispose, pause, resume and kill. Empty: no client may.
  std::string admin_token_file;

  size_t max_clients = 1000;   ///< Clients at a time; a further one is refused. At least 1.
  size_t max_in_flight = 256;  ///< Requests of one client that are with the pool at a time. At least 1.
  size_t max_sessions = 10;    ///< Sessions of one client at a time. At least 1.
  size_t max_waiting = 10'000; ///< Requests of one client that wait beyond that; one more is refused. At least 1.

  std::chrono::nanoseconds heartbeat = std::chrono::seconds{1}; ///< How often a client is asked for a sign of life.
  std::chrono::nanoseconds give_up = std::chrono::seconds{5};   ///< Without one for this long, a client is given up.

  /// Whether the pool is published at all.
  bool enabled() const noexcept { return !listen.empty() && listen != "off"; }
};

/// How a process reaches the pool of another one; see `connect`.
struct remote_settings {
  /// The pool nodes, `host:port` with commas between. The first that answers is used; the others, if that is lost.
  std::string nodes;
  std::string name;        ///< Of this client, shown by nodes; empty: the host's name and the process id.
  std::string certificate; ///< PEM file of the certificate, for client authentication, and of its chain.
  std::string key;         ///< PEM file of its key, without a passphrase.
  std::string ca;          ///< PEM file of the CA that has signed the nodes' certificates.
  std::string token_file;  ///< File with the token for the nodes. Empty: none.

  size_t max_in_flight = 256; ///< Requests that a node works on at a time; others wait here. At least 1.
  /// Longest wait for a node. At least 1 ms. A request that has been sent is waited for as long as its node gives signs
  /// of life.
  std::chrono::nanoseconds timeout = std::chrono::seconds{30};
  std::chrono::nanoseconds heartbeat = std::chrono::seconds{1}; ///< How often a node is asked for a sign of life.
  std::chrono::nanoseconds give_up = std::chrono::seconds{5};   ///< Without one for this long, a node is given up.
};

/// All settings: those that file, environment and command line set.
struct settings {
  server_settings server; ///< Where the database is.
  pool_settings pool;     ///< The pool's rules.
  retry_settings retry;   ///< How failed requests are repeated.
  log_settings log;       ///< How the program logs; the library does not look at it.
  http_settings http;     ///< How the program is watched; the library does not look at it.
  node_settings node;     ///< How the program publishes its pool; the library does not look at it.
  remote_settings remote; ///< How the program reaches another's pool; the library does not look at it.
};

} // namespace cenote
