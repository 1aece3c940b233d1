#include "db/connection_impl.hpp"

#include "db/compound.hpp"
#include "db/statement_text.hpp"

#include <cassert>

#include <sys/socket.h>

#include <errmsg.h>
#include <mysqld_error.h>

namespace cenote::db {

namespace {

/// Rows are read for no longer than this many bytes at a time, so that other connections of the thread get their turn.
constexpr size_t bytes_per_turn = 64u << 10;

/// What an answer without rows counts for that.
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

driver_error refusal(std::string text) {
  return {error_source::invalid_statement, phase::preparing, 0, "", std::move(text)};
}

driver_error malformed(const std::string& why) {
  return {error_source::server, phase::waiting, CR_MALFORMED_PACKET, "HY000",
          "the server's answer is malformed: " + why};
}

driver_error out_of_memory(phase when, const char* what) {
  return {error_source::process_limit, when, 0, "",
          std::string{"not enough memory for a statement or its result: "} + what};
}

driver_error oversized(uint64_t limit) {
  return {error_source::result_too_large, phase::waiting, 0, "",
          "the result is larger than max-result-bytes, " + std::to_string(limit)
              + ": ask for fewer rows or columns at a time, or raise the setting"};
}

} // namespace

connection::impl::impl(session_ptr x, const server_settings& where)
    : session{std::move(x)},
      max_result_bytes{where.max_result_bytes},
      version{mysql_get_server_info(session.get())},
      tls{mysql_get_ssl_cipher(session.get()) != nullptr} {
  // nop
}

connection::impl::~impl() {
  if (!usable() || in_flight_ > 0)
    abandon();
  if (tls)
    forget_tls_errors();
  session.reset();
}

/// Cuts the socket and unwinds what was going on, so that closing the session neither talks to the server nor waits.
void connection::impl::abandon() {
  if (auto fd = mysql_get_socket(session.get()); fd != MARIADB_INVALID_SOCKET)
    ::shutdown(fd, SHUT_RDWR);
  // The call holds memory on its own stack. On a socket that has been shut down it comes to its end.
  for (int tries = 0; suspended_ && tries < 100; ++tries) {
    if (tls)
      forget_tls_errors();
    suspended_ = call_again(MYSQL_WAIT_READ | MYSQL_WAIT_WRITE) != 0;
  }
  if (rows_ != nullptr) {
    rows_->handle = nullptr; // Else it would read the rest of the rows first.
    mysql_free_result(rows_);
  }
}

bool connection::impl::usable() const noexcept {
  auto between = now_ == step::idle || now_ == step::done || (now_ == step::answer && !suspended_);
  return between && !desynchronised_ && mysql_get_socket(session.get()) != MARIADB_INVALID_SOCKET;
}

progress connection::impl::start_ping() {
  assert(now_ == step::idle);
  now_ = step::ping;
  return run(0);
}

progress connection::impl::start_execute(const statement& what) {
  return start_text([&](auto& charset) { return fill_in(sql_, what, charset); }, false);
}

progress connection::impl::start_compound(const transaction& what) {
  compound_gives_rows = which_give_rows(what);
  return start_text([&](auto& charset) { return write_compound(sql_, what, charset); }, true);
}

template <class Write>
progress connection::impl::start_text(Write write, bool limit_each) {
  assert(now_ == step::idle);
  limit_each_ = limit_each;
  if (auto wrong = problem_with(write)) {
    now_ = step::done;
    fail(std::move(*wrong));
    return progress::done;
  }
  ++in_flight_;
  now_ = step::send;
  return run(0);
}

std::optional<driver_error> connection::impl::send(const statement& what) {
  assert(can_send());
  limit_each_ = false;
  if (auto wrong = problem_with([&](auto& charset) { return fill_in(sql_, what, charset); }))
    return wrong;
  auto goes_out_together = !tls && !is_compressed(*session);
  if (goes_out_together && sql_.size() > outbox::max_statement && in_flight_ > 0) // It would overtake the others.
    return refusal("the statement is too large to be sent while others are under way");
  ++in_flight_;
  if (goes_out_together && sql_.size() <= outbox::max_statement) {
    out_.add(sql_);
    now_ = step::answer;
    return std::nullopt;
  }
  now_ = step::send;
  run(0);
  if (now_ == step::done) { // It is lost, which shows again when the answers are read.
    failed_ = false;
    ++unsent_;
    now_ = step::answer;
  }
  return std::nullopt;
}

void connection::impl::flush() {
  auto is_within_packet = suspended_ && now_ == step::send;
  if (out_.is_waiting() && !is_within_packet)
    out_.flush(mysql_get_socket(session.get()));
}

size_t connection::impl::unsent() const noexcept {
  return unsent_ + out_.unsent();
}

bool connection::impl::can_send() const noexcept {
  return !suspended_ && (now_ == step::idle || now_ == step::answer);
}

template <class Write>
std::optional<driver_error> connection::impl::problem_with(Write write) try {
  if (auto wrong = write(*session->charset))
    return refusal(std::move(*wrong));
  if (sql_.size() > max_statement_bytes)
    return refusal("the statement has " + std::to_string(sql_.size())
                   + " bytes with its parameters, but max_allowed_packet permits " + std::to_string(max_statement_bytes)
                   + ": send less at a time, or raise max_allowed_packet on the server");
  return std::nullopt;
} catch (const std::exception& err) { // Its text, with its parameters, has no room.
  sql_ = std::string{};
  return out_of_memory(phase::preparing, err.what());
}

progress connection::impl::resume(int ready) {
  if (now_ == step::idle || now_ == step::done)
    return progress::done;
  flush();
  return now_ == step::answer && !suspended_ && (ready & MYSQL_WAIT_READ) == 0 ? next() : run(ready);
}

progress connection::impl::next() {
  if (suspended_)
    return to_progress(events_ | (out_.is_waiting() ? MYSQL_WAIT_WRITE : 0));
  if (now_ != step::answer) // It gives way to others.
    return progress::want_write;
  if (has_input(*session))
    return run(0);
  return out_.is_waiting() ? progress::want_both : progress::want_read;
}

tl::expected<result, driver_error> connection::impl::take() {
  assert(now_ == step::done);
  if (in_flight_ > 0)
    --in_flight_;
  now_ = in_flight_ > 0 ? step::answer : step::idle;
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
  } catch (const std::exception& err) { // Memory or, of a malformed answer, a length.
    fail(out_of_memory(now_ == step::send ? phase::sending : phase::waiting, err.what()));
    return progress::done;
  }
}

progress connection::impl::run_steps(int ready) {
  bytes_this_turn_ = 0;
  while (now_ != step::done) {
    if (bytes_this_turn_ > bytes_per_turn)
      return progress::want_write; // Comes back at once, after the others.
    if (tls)
      forget_tls_errors();
    events_ = suspended_ ? call_again(ready) : call();
    suspended_ = events_ != 0;
    if (suspended_)
      return to_progress(events_ | (out_.is_waiting() ? MYSQL_WAIT_WRITE : 0));
    finish_step();
    // The server needs its time: to look for the answer at once would be a system call for nothing.
    if (now_ == step::answer)
      return progress::want_read;
  }
  return progress::done;
}

/// Begins the call of the current step. Zero means that it is complete, else what it waits for.
int connection::impl::call() {
  auto m = session.get();
  switch (now_) {
  case step::ping:
    return mysql_ping_start(&status_, m);
  case step::reset:
    return mysql_reset_connection_start(&status_, m);
  case step::send:
    return mysql_send_query_start(&status_, m, sql_.data(), sql_.size());
  case step::answer:
    reader_.start(max_result_bytes, limit_each_);
    forget_error(*session); // Else that of the statement before, which only sending would clear.
    return mysql_read_query_result_start(&refused_, m);
  case step::row:
    return mysql_fetch_row_start(&row_, rows_);
  case step::further:
    return mysql_next_result_start(&status_, m);
  case step::idle:
  case step::done:
    break;
  }
  return 0;
}

/// Goes on with the call of the current step.
int connection::impl::call_again(int ready) {
  auto m = session.get();
  switch (now_) {
  case step::ping:
    return mysql_ping_cont(&status_, m, ready);
  case step::reset:
    return mysql_reset_connection_cont(&status_, m, ready);
  case step::send:
    return mysql_send_query_cont(&status_, m, ready);
  case step::answer:
    return mysql_read_query_result_cont(&refused_, m, ready);
  case step::row:
    return mysql_fetch_row_cont(&row_, rows_, ready);
  case step::further:
    return mysql_next_result_cont(&status_, m, ready);
  case step::idle:
  case step::done:
    break;
  }
  return 0;
}

/// Decides what comes after a call that is complete. Judges by what it gave back: the error number stays set after
/// some successful calls.
void connection::impl::finish_step() {
  switch (now_) {
  case step::ping:
    if (status_ != 0)
      return fail(phase::waiting);
    now_ = step::done;
    return;
  case step::reset:
    if (status_ != 0)
      return fail(phase::waiting);
    return begin_set_up();
  case step::send:
    if (status_ != 0)
      return fail(phase::sending);
    now_ = step::answer;
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
  auto m = session.get();
  bytes_this_turn_ += bytes_per_answer;
  if (mysql_field_count(m) == 0) {
    reader_.effects(mysql_affected_rows(m), mysql_insert_id(m), static_cast<uint16_t>(mysql_warning_count(m)));
    return next_result();
  }
  rows_ = mysql_use_result(m);
  if (rows_ == nullptr || rows_->fields == nullptr || rows_->field_count == 0)
    return fail(malformed("it has columns that it does not describe"));
  if (!reader_.begin_rows(*rows_))
    return fail(oversized(max_result_bytes));
  now_ = step::row;
}

void connection::impl::read_row() {
  auto m = session.get();
  if (row_ != nullptr) {
    if (!reader_.add(row_, mysql_fetch_lengths(rows_)))
      return fail(oversized(max_result_bytes));
    bytes_this_turn_ += reader_.last_row();
    return;
  }
  mysql_free_result(std::exchange(rows_, nullptr));
  // No row means the end, or an error: a statement can fail in the middle of its rows.
  if (mysql_errno(m) != 0)
    return fail(phase::waiting);
  reader_.end_rows(static_cast<uint16_t>(mysql_warning_count(m)));
  next_result();
}

void connection::impl::next_result() {
  auto m = session.get();
  touched |= (m->server_status & (SERVER_SESSION_STATE_CHANGED | SERVER_STATUS_DB_DROPPED)) != 0;
  if (mysql_more_results(m)) {
    now_ = step::further;
    return;
  }
  after_error_ = false;
  if (stage_ == reset_stage::none) {
    now_ = step::done;
    return;
  }
  if (stage_ == reset_stage::set_up && set_up_done_ == 0)
    lacks_database = false;
  next_of_reset();
}

void connection::impl::fail(phase when) {
  auto why = current_error(*session, when);
  if (when == phase::waiting && had_no_room(*session)
      && (why.number == CR_SERVER_LOST || why.number == CR_NET_PACKET_TOO_LARGE))
    why = oversized(max_result_bytes);
  fail(std::move(why));
}

void connection::impl::fail(driver_error why) {
  desynchronised_ |= why.source == error_source::result_too_large
                     || (why.source == error_source::process_limit && why.phase != phase::preparing)
                     || is_client_error(why.number);
  why.complete_sets = reader_.complete_sets();
  if (stage_ == reset_stage::rollback && why.number == ER_XAER_RMFAIL)
    why.text =
        "an XA transaction was left in its session, and stays on the server if it is prepared (" + why.text + ')';
  if (why.source == error_source::server && why.phase == phase::waiting) {
    after_error_ = true;
    touched |= why.number != ER_PARSE_ERROR; // Before anything has run.
  }
  error_ = std::move(why);
  failed_ = true;
  stage_ = reset_stage::none;
  now_ = step::done;
}

} // namespace cenote::db
