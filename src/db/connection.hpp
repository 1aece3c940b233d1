#pragma once

#include "cenote/settings.hpp"
#include "db/server_link.hpp"
#include "types/server_session.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

namespace cenote::db {

/// Initialises Connector/C for the process. Safe to call again.
void init_library();

/// An open connection with a MariaDB or MySQL server. Everything but `open` and the destructor is non-blocking. May
/// move between threads as long as no two use it at once.
class connection final : public server_link {
public:
  /// Resolves, connects, does TLS, logs in, checks the server and runs the set-up query. Blocks, for
  /// `connect_timeout` in all at most; within a `guarded_call`, for its limit.
  static tl::expected<connection, driver_error> open(const server_settings& server);

  connection(connection&&) noexcept;
  connection& operator=(connection&&) noexcept;

  /// Says goodbye to the server if no operation is under way, otherwise cuts the socket. Never blocks noticeably.
  ~connection() override;

  /// The socket, owned by this object.
  int socket() const noexcept;

  /// The session's number on the server: the id in `KILL` and in the process list.
  uint64_t server_id() const noexcept;

  /// The same, with the identity of its server: without an instance if the server, or a proxy before it, hides that.
  const server_session& identity() const noexcept;
  const std::string& server_version() const noexcept;
  bool uses_tls() const noexcept;

  /// Whether the server refused writes when the connection was opened.
  bool is_read_only() const noexcept;

  /// From now on, texts that are sent often are prepared.
  /// @param max the most that are kept at a time: fewer if the server does not permit as many to each of its
  ///        connections; none if it is not MariaDB. Zero: none.
  void keep_prepared(size_t max);

  bool is_mariadb() const noexcept override;
  bool alive() const noexcept override;
  progress start_ping() override;
  progress start_execute(const statement& request) override;
  progress start_compound(const transaction& request) override;
  progress start_reset() override;
  progress resume(bool readable, bool writable) override;
  tl::expected<result, driver_error> take() override;
  tl::expected<std::vector<result>, driver_error> take_compound() override;
  std::optional<driver_error> send(const statement& request) override;
  bool can_send() const noexcept override;
  void flush() override;
  progress next() override;
  preparations prepared() const noexcept override;
  size_t unsent() const noexcept override;
  bool in_transaction() const noexcept override;
  bool has_open_transaction() const noexcept override;
  bool is_touched() const noexcept override;
  bool lacks_database() const noexcept override;
  bool usable() const noexcept override;

private:
  struct impl;
  explicit connection(std::unique_ptr<impl> state) noexcept;
  std::unique_ptr<impl> impl_;
};

} // namespace cenote::db
