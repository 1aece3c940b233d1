#include "db/connection_impl.hpp"

#include "db/compound.hpp"
#include "db/statement_text.hpp"

#include <cassert>

#include <sys/socket.h>

#include <errmsg.h>
#include <mysqld_error.h>

namespace cenote::db {

namespace {

/// At most this many bytes of rows are read at a time, so that other connections of the thread get their turn.
constexpr size_t bytes_per_turn = 64u << 10;

/// The share of that which an answer without rows counts for.
constexpr size_t bytes_per_answer = 512;

/// The text of a larger statement is not kept for reuse of its memory.
constexpr size_t max_kept_text = 256u << 10;

progress to_progress(int events) noexcept {
  switch (events & (MYSQL_WAIT_READ | MYSQL_WAIT_WRITE)) {
  case MYSQL_WAIT_READ:
    return progress::want_read;
  case MYSQL_WAIT_WRITE:
    return progress::want_write;
  default:
    return progress::want_both;
  }
}

driver_error out_of_memory(phase when, const char* detail) {
  return {error_source::process_limit, when, 0, "",
          std::string{"not enough memory for a statement or its result: "} + detail};
}

} // namespace

driver_error refusal(std::string text) {
  return {error_source::invalid_statement, phase::preparing, 0, "", std::move(text)};
}

driver_error malformed(const std::string& reason) {
  return {error_source::server, phase::waiting, CR_MALFORMED_PACKET, "HY000",
          "the server's answer is malformed: " + reason};
}

driver_error oversized(uint64_t limit) {
  return {error_source::result_too_large, phase::waiting, 0, "",
          "the result is larger than max-result-bytes, " + std::to_string(limit)
              + ": ask for fewer rows or columns at a time, or raise the setting"};
}

connection::impl::impl(session_ptr handle, const server_settings& server)
    : session{std::move(handle)},
      max_result_bytes{server.max_result_bytes},
      version{mysql_get_server_info(session.get())},
      tls{mysql_get_ssl_cipher(session.get()) != nullptr} {
  // nop
}

connection::impl::~impl() {
  if (!usable() || !in_flight_.empty())
    abandon();
  if (tls)
    forget_tls_errors();
  session.reset();
  if (made_ != nullptr)
    mysql_stmt_close(made_); // Without its session there is nothing to tell the server.
}

/// Cuts the socket and unwinds the operation under way, so that closing the session neither talks to the server nor
/// waits.
void connection::impl::abandon() {
  if (auto fd = mysql_get_socket(session.get()); fd != MARIADB_INVALID_SOCKET)
    ::shutdown(fd, SHUT_RDWR);
  // The call holds memory on a stack of its own. On a socket that has been shut down it ends.
  for (int tries = 0; suspended_ && tries < 100; ++tries) {
    if (tls)
      forget_tls_errors();
    suspended_ = continue_call(MYSQL_WAIT_READ | MYSQL_WAIT_WRITE) != 0;
  }
  if (step_ == step::close && !suspended_)
    made_ = nullptr; // The call has freed it.
  if (rows_ != nullptr && !(raw_ && raw_->owns(rows_))) {
    rows_->handle = nullptr; // Otherwise it would read the rest of the rows first.
    mysql_free_result(rows_);
  }
}

bool connection::impl::usable() const noexcept {
  auto waits = step_ == step::answer || step_ == step::prepare;
  auto between = step_ == step::idle || step_ == step::done || (waits && !suspended_);
  return between && !desynchronised_ && mysql_get_socket(session.get()) != MARIADB_INVALID_SOCKET;
}

progress connection::impl::start_ping() {
  assert(step_ == step::idle);
  step_ = step::ping;
  return run(0);
}

progress connection::impl::start_execute(const statement& request) {
  return start_text([&](auto& charset) { return fill_in(sql_, request, charset); }, false);
}

progress connection::impl::start_compound(const transaction& request) {
  compound_gives_rows = which_give_rows(request);
  return start_text([&](auto& charset) { return write_compound(sql_, request, charset); }, true);
}

template <class Write>
progress connection::impl::start_text(Write write, bool limit_each) {
  assert(step_ == step::idle);
  limit_each_ = limit_each;
  if (auto problem = write_text(write)) {
    step_ = step::done;
    fail(std::move(*problem));
    return progress::done;
  }
  in_flight_.push_back(nullptr);
  step_ = step::send;
  return run(0);
}

template <class Write>
std::optional<driver_error> connection::impl::write_text(Write write) try {
  if (auto problem = write(*session->charset))
    return refusal(std::move(*problem));
  if (sql_.size() > max_statement_bytes)
    return refusal("the statement has " + std::to_string(sql_.size())
                   + " bytes with its parameters, but max_allowed_packet permits " + std::to_string(max_statement_bytes)
                   + ": send less at a time, or raise max_allowed_packet on the server");
  return std::nullopt;
} catch (const std::exception& err) { // No memory for the text with its parameters.
  sql_ = std::string{};
  return out_of_memory(phase::preparing, err.what());
}

std::optional<driver_error> connection::impl::write_statement(const statement& request) {
  return write_text([&](auto& charset) { return fill_in(sql_, request, charset); });
}

progress connection::impl::resume(int ready) {
  if (step_ == step::idle || step_ == step::done)
    return progress::done;
  flush();
  return step_ == step::answer && !suspended_ && (ready & MYSQL_WAIT_READ) == 0 ? next() : run(ready);
}

progress connection::impl::next() {
  if (suspended_)
    return to_progress(events_ | (out_.is_waiting() ? MYSQL_WAIT_WRITE : 0));
  if (step_ == step::done || step_ == step::prepare)
    return run(0);
  if (step_ != step::answer) // Within rows: it gave way to other connections.
    return progress::want_write;
  if (has_input(*session))
    return run(0);
  return out_.is_waiting() ? progress::want_both : progress::want_read;
}

tl::expected<result, driver_error> connection::impl::take() {
  assert(step_ == step::done);
  if (!in_flight_.empty())
    in_flight_.pop_front();
  step_ = in_flight_.empty() ? step::idle : step::answer;
  if (preparing_ != nullptr && in_flight_.size() == 1)
    step_ = step::prepare;
  if (sql_.capacity() > max_kept_text)
    std::string{}.swap(sql_); // An assignment would keep the memory.
  auto rows = reader_.finish();
  if (std::exchange(failed_, false))
    return tl::unexpected{std::move(error_)};
  return rows;
}

/// Takes steps until the operation is done or needs the socket. No answer of a server makes it throw.
progress connection::impl::run(int ready) {
  try {
    return run_steps(ready);
  } catch (const std::exception& err) { // Out of memory, or a length in a malformed answer.
    auto is_sent = step_ != step::send && step_ != step::prepare && step_ != step::close;
    fail(out_of_memory(is_sent ? phase::waiting : phase::sending, err.what()));
    return progress::done;
  }
}

progress connection::impl::run_steps(int ready) {
  bytes_this_turn_ = 0;
  while (step_ != step::done) {
    if (bytes_this_turn_ > bytes_per_turn)
      return progress::want_write; // Resumed at once, after the other connections.
    if (tls)
      forget_tls_errors();
    events_ = suspended_ ? continue_call(ready) : begin_call();
    suspended_ = events_ != 0;
    if (suspended_)
      return to_progress(events_ | (out_.is_waiting() ? MYSQL_WAIT_WRITE : 0));
    finish_step();
    // The server needs some time: to look for the answer at once would waste a system call.
    if (step_ == step::answer)
      return progress::want_read;
  }
  return progress::done;
}

/// Begins the call of the current step. Zero means that it is complete, otherwise the events it waits for.
int connection::impl::begin_call() {
  auto handle = session.get();
  switch (step_) {
  case step::ping:
    return mysql_ping_start(&status_, handle);
  case step::reset:
    return mysql_reset_connection_start(&status_, handle);
  case step::prepare:
    if (made_ != nullptr && made_->mysql == nullptr) // A reset has parted it from its session.
      mysql_stmt_close(std::exchange(made_, nullptr));
    if (made_ == nullptr && (made_ = mysql_stmt_init(handle)) == nullptr)
      throw std::bad_alloc{};
    return mysql_stmt_prepare_start(&status_, made_, text_to_prepare_.data(), text_to_prepare_.size());
  case step::close:
    return mysql_stmt_close_start(&refused_, made_);
  case step::send:
    if (raw_)
      raw_->send_as(!in_flight_.empty() && in_flight_.back() != nullptr ? COM_STMT_EXECUTE : COM_QUERY);
    return mysql_send_query_start(&status_, handle, sql_.data(), sql_.size());
  case step::answer:
    reader_.start(max_result_bytes, limit_each_);
    forget_error(*session); // The error of the previous statement, which only sending would clear.
    return mysql_read_query_result_start(&refused_, handle);
  case step::row:
    return mysql_fetch_row_start(&row_, rows_);
  case step::further:
    return mysql_next_result_start(&status_, handle);
  case step::idle:
  case step::done:
    break;
  }
  return 0;
}

/// Resumes the call of the current step.
int connection::impl::continue_call(int ready) {
  auto handle = session.get();
  switch (step_) {
  case step::ping:
    return mysql_ping_cont(&status_, handle, ready);
  case step::reset:
    return mysql_reset_connection_cont(&status_, handle, ready);
  case step::prepare:
    return mysql_stmt_prepare_cont(&status_, made_, ready);
  case step::close:
    return mysql_stmt_close_cont(&refused_, made_, ready);
  case step::send:
    return mysql_send_query_cont(&status_, handle, ready);
  case step::answer:
    return mysql_read_query_result_cont(&refused_, handle, ready);
  case step::row:
    return mysql_fetch_row_cont(&row_, rows_, ready);
  case step::further:
    return mysql_next_result_cont(&status_, handle, ready);
  case step::idle:
  case step::done:
    break;
  }
  return 0;
}

/// Decides the step after a complete call, by its return value: the error number stays set after some successful calls.
void connection::impl::finish_step() {
  switch (step_) {
  case step::ping:
    if (status_ != 0)
      return fail(phase::waiting);
    step_ = step::done;
    return;
  case step::reset:
    if (status_ != 0)
      return fail(phase::waiting);
    return begin_set_up();
  case step::prepare:
    return finish_preparing();
  case step::close:
    made_ = nullptr;
    return send_pending();
  case step::send:
    if (status_ != 0)
      return fail(phase::sending);
    step_ = step::answer;
    return;
  case step::answer:
    if (refused_ != 0 && tolerates(mysql_errno(session.get()))) {
      lacks_database = true;
      return next_of_reset();
    }
    if (refused_ != 0)
      return fail(phase::waiting);
    return read_answer();
  case step::row:
    return read_row();
  case step::further:
    if (status_ > 0)
      return fail(phase::waiting);
    return read_answer();
  case step::idle:
  case step::done:
    return;
  }
}

/// The first packet says whether rows follow.
void connection::impl::read_answer() {
  auto handle = session.get();
  bytes_this_turn_ += bytes_per_answer;
  if (mysql_field_count(handle) == 0) {
    reader_.effects(mysql_affected_rows(handle), mysql_insert_id(handle),
                    static_cast<uint16_t>(mysql_warning_count(handle)));
    return next_result();
  }
  if (!in_flight_.empty() && in_flight_.front() != nullptr)
    return read_binary_answer(*in_flight_.front());
  rows_ = mysql_use_result(handle);
  if (rows_ == nullptr || rows_->fields == nullptr || rows_->field_count == 0)
    return fail(malformed("it has columns that it does not describe"));
  if (!reader_.begin_rows(columns_of(rows_->fields, rows_->field_count)))
    return fail(oversized(max_result_bytes));
  step_ = step::row;
}

void connection::impl::read_row() {
  auto handle = session.get();
  auto is_binary = raw_ && raw_->owns(rows_);
  if (row_ != nullptr) {
    auto lengths = mysql_fetch_lengths(rows_);
    if (is_binary && !reader_.add_binary(in_flight_.front()->formats, {row_[0], lengths[0]}))
      return fail(malformed("a row of a prepared statement does not fit its columns"));
    if (is_binary ? !reader_.is_within_limit() : !reader_.add(row_, lengths))
      return fail(oversized(max_result_bytes));
    bytes_this_turn_ += reader_.last_row();
    return;
  }
  if (is_binary)
    rows_ = nullptr;
  else
    mysql_free_result(std::exchange(rows_, nullptr));
  // No row means the end, or an error: a statement can fail in the middle of its rows.
  if (mysql_errno(handle) != 0)
    return fail(phase::waiting);
  reader_.end_rows(static_cast<uint16_t>(mysql_warning_count(handle)));
  next_result();
}

void connection::impl::next_result() {
  auto handle = session.get();
  touched |= (handle->server_status & (SERVER_SESSION_STATE_CHANGED | SERVER_STATUS_DB_DROPPED)) != 0;
  if (mysql_more_results(handle)) {
    step_ = step::further;
    return;
  }
  after_error_ = false;
  if (stage_ == reset_stage::none) {
    step_ = step::done;
    return;
  }
  if (stage_ == reset_stage::set_up && set_up_done_ == 0)
    lacks_database = false;
  next_of_reset();
}

void connection::impl::fail(phase when) {
  auto error = current_error(*session, when);
  if (when == phase::waiting && had_no_room(*session)
      && (error.number == CR_SERVER_LOST || error.number == CR_NET_PACKET_TOO_LARGE))
    error = oversized(max_result_bytes);
  fail(std::move(error));
}

void connection::impl::fail(driver_error error) {
  desynchronised_ |= error.source == error_source::result_too_large
                     || (error.source == error_source::process_limit && error.phase != phase::preparing)
                     || is_client_error(error.number);
  error.complete_sets = reader_.complete_sets();
  forget_stale(error);
  if (stage_ == reset_stage::rollback && error.number == ER_XAER_RMFAIL)
    error.text =
        "an XA transaction was left in its session, and stays on the server if it is prepared (" + error.text + ')';
  if (error.source == error_source::server && error.phase == phase::waiting) {
    after_error_ = true;
    touched |= error.number != ER_PARSE_ERROR; // Before anything has run.
  }
  error_ = std::move(error);
  failed_ = true;
  stage_ = reset_stage::none;
  step_ = step::done;
}

} // namespace cenote::db
