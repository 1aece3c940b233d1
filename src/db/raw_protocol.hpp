#pragma once

// Private to src/db: a header that includes mysql.h.

#include <memory>

#include <mysql.h>

/// For a function that Connector/C calls on the stack of a suspended call: it may begin on one thread and end on
/// another, which ThreadSanitizer's account of the functions that a thread has entered does not allow for.
#define CENOTE_MAY_CHANGE_THREADS __attribute__((no_sanitize("thread")))

namespace cenote::db {

/// What Connector/C's non-blocking functions cannot do by themselves: send other commands than queries without waiting
/// for their answers, and read rows as the packets that they are. For one session: replaces two entries in its table of
/// methods, by which Connector/C calls itself.
class raw_protocol {
public:
  /// @returns null if this version of Connector/C has not what that needs.
  static std::unique_ptr<raw_protocol> of(MYSQL& session);

  raw_protocol(const raw_protocol&) = delete;
  raw_protocol& operator=(const raw_protocol&) = delete;

  /// `mysql_send_query` sends this command from now on.
  void send_as(enum_server_command command) noexcept { methods_.query_command = command; }

  /// The first packet of an answer has announced rows: for `mysql_fetch_row`, whose rows are one cell each, the whole
  /// packet. Must not be freed.
  MYSQL_RES* rows() noexcept;

  /// Whether that is where these rows come from.
  bool owns(const MYSQL_RES* rows) const noexcept { return rows == &rows_; }

private:
  /// Extends the table, so that the functions in it find what belongs to them.
  struct methods : st_mariadb_methods {
    const st_mariadb_methods* original = nullptr;
    enum_server_command query_command = COM_QUERY;
    MYSQL_ROW raw_row = nullptr;
    MYSQL_STMT* reader = nullptr;
  };

  explicit raw_protocol(MYSQL& session);

  static const methods& of(const MYSQL* session) noexcept;
  CENOTE_MAY_CHANGE_THREADS
  static int send_command(MYSQL* session, enum_server_command command, const char* data, size_t size,
                          my_bool skip_check, void* option);
  CENOTE_MAY_CHANGE_THREADS
  static int read_row(MYSQL* session, unsigned columns, MYSQL_ROW row, unsigned long* lengths);

  MYSQL& session_;
  methods methods_;
  MYSQL_STMT reader_{}; ///< Never a statement: only what reads a packet looks at it.
  MYSQL_RES rows_{};
  char* cells_[2]{};
  unsigned long lengths_[1]{};
};

} // namespace cenote::db
