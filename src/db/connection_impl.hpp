#pragma once

// Private to src/db: a header that includes mysql.h.

#include "db/outbox.hpp"
#include "db/prepared_set.hpp"
#include "db/raw_protocol.hpp"
#include "db/result_reader.hpp"
#include "db/session.hpp"
#include "types/server_session.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cenote::db {

/// @name Errors of our own
/// @{
driver_error refusal(std::string text);
driver_error malformed(const std::string& reason);
driver_error oversized(uint64_t limit);
/// @}

/// The state of a connection and the state machine of its operations: each step is one call of Connector/C, which may
/// need the socket several times.
struct connection::impl {
  enum class step : uint8_t {
    idle,
    ping,
    reset,   ///< COM_RESET_CONNECTION.
    prepare, ///< Prepare the text of the statement that is to be sent.
    close,   ///< Close the prepared statement that it has replaced.
    send,    ///< Hand the statement over.
    answer,  ///< Read the first packet of the answer.
    row,     ///< Read one row.
    further, ///< Read the first packet of the next result of a `CALL`.
    done,
  };

  /// The stage of a reset, which brings the session back into its initial state.
  enum class reset_stage : uint8_t {
    none,
    rollback, ///< Shows whether the session holds an XA transaction, which the reset would keep if it is prepared.
    reset,
    set_up, ///< The set-up statements, one by one.
  };

  impl(session_ptr handle, const server_settings& server);
  ~impl();
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  progress start_ping();
  progress start_execute(const statement& request);
  progress start_compound(const transaction& request);
  progress start_reset();
  std::optional<driver_error> send(const statement& request);
  bool can_send() const noexcept;
  void flush();
  progress next();
  size_t unsent() const noexcept;
  void keep_prepared(size_t max);
  progress resume(int ready);
  tl::expected<result, driver_error> take();
  bool usable() const noexcept;

  session_ptr session;
  uint64_t max_statement_bytes = 0;
  uint64_t max_prepared = 0; ///< What this connection may take of the prepared statements that the server permits.
  preparations prepared_so_far;
  uint64_t max_result_bytes = 0;
  std::string version;
  server_session identity;
  std::vector<bool> compound_gives_rows; ///< Of the compound statement that was started last.
  /// The statements that bring a fresh session into its state. If there is a database, the first one selects it.
  std::vector<std::string> set_up;
  bool tls = false;
  bool read_only = false;
  bool has_database = true;    ///< Whether the session was opened with a database.
  bool lacks_database = false; ///< Its database did not exist at the last reset.
  /// Whether something may have changed the session since it was opened or reset: the server has reported it, or a
  /// statement has failed, since errors do not report it.
  bool touched = false;

private:
  /// Writes the text of a statement and sends it.
  /// @param limit_each whether each of its results may have the largest size.
  template <class Write>
  progress start_text(Write write, bool limit_each);
  /// Writes the text of a statement into `sql_`.
  /// @returns why it cannot be sent.
  template <class Write>
  std::optional<driver_error> write_text(Write write);
  bool goes_out_together() const noexcept;
  std::optional<driver_error> write_statement(const statement& request);
  std::optional<driver_error> hand_over(prepared_text_ptr text);
  void run_unanswered();
  bool begin_preparing(prepared_text_ptr text, const statement& request);
  void finish_preparing();
  bool accepts(const MYSQL_STMT& made) const;
  void send_pending();
  void forget_stale(driver_error& error);
  void begin_set_up();
  void next_of_reset();
  bool tolerates(unsigned error);
  progress run(int ready);
  progress run_steps(int ready);
  int begin_call();
  int continue_call(int ready);
  void finish_step();
  void read_answer();
  void read_binary_answer(prepared_text& text);
  void read_row();
  void next_result();
  void fail(phase when);
  void fail(driver_error error);
  void abandon();

  step step_ = step::idle;
  reset_stage stage_ = reset_stage::none;
  bool after_error_ = false; ///< It is unknown whether a transaction is open.
  bool suspended_ = false;   ///< Within a call that waits for the socket.
  int events_ = 0;           ///< The events it waits for.
  bool desynchronised_ = false;
  bool failed_ = false;
  bool limit_each_ = false;
  outbox out_;        ///< Statements that are sent together.
  size_t unsent_ = 0; ///< Others that could not be sent.
  /// Statements that have been sent, or begun to be, and whose outcome has not been taken. As a prepared statement, or
  /// null: as text.
  std::deque<prepared_text_ptr> in_flight_;
  size_t set_up_done_ = 0;
  std::string sql_; ///< The text of a statement, or what is sent of a prepared one.

  prepared_set prepared_;
  std::unique_ptr<raw_protocol> raw_; ///< If statements may be prepared.
  prepared_text_ptr preparing_; ///< The last statement in flight is sent when this is prepared, as `execute_`, or is
  std::string execute_;         ///< not, as `sql_`.
  std::string text_to_prepare_;
  MYSQL_STMT* made_ = nullptr; ///< While it is prepared.

  result_reader reader_;
  driver_error error_;
  size_t bytes_this_turn_ = 0;

  // Results of Connector/C's calls.
  int status_ = 0;
  my_bool refused_ = 0;
  MYSQL_ROW row_ = nullptr;
  MYSQL_RES* rows_ = nullptr;
};

} // namespace cenote::db
