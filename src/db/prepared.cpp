// Prepared statements of statements that are sent often.

#include "db/connection_impl.hpp"
#include "db/execute_request.hpp"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include <mysqld_error.h>

namespace cenote::db {

namespace {

void describe(prepared_text& text, const MYSQL_FIELD* fields, unsigned count) {
  text.columns = columns_of(fields, count);
  text.formats.clear();
  for (unsigned i = 0; i < count; ++i)
    text.formats.push_back(format_of(fields[i]));
}

} // namespace

void connection::impl::keep_prepared(size_t max) {
  max = std::min<size_t>(max, max_prepared);
  if (max > 0 && !raw_)
    raw_ = raw_protocol::of(*session);
  if (raw_)
    prepared_ = prepared_set{max};
}

/// The statement, whose text is in `sql_`, is sent when its text has been prepared, and that is done when all before it
/// have been answered: so a KILL meant for it hits one or the other, and its result stays in its place.
/// @returns false if it cannot be prepared.
bool connection::impl::begin_preparing(prepared_text_ptr text, const statement& request) {
  auto wanted = to_prepare(*text, !request.names.empty());
  if (!wanted || !write_execute(execute_, *text, request, *session->charset)
      || execute_.size() > std::min<uint64_t>(max_statement_bytes, outbox::max_statement)
      || sql_.size() > outbox::max_statement) {
    prepared_.refuse(*text);
    return false;
  }
  text_to_prepare_ = std::move(*wanted);
  in_flight_.push_back(nullptr);
  preparing_ = std::move(text);
  if (in_flight_.size() > 1)
    return true;
  step_ = step::prepare;
  run_unanswered();
  return true;
}

/// If the server does not prepare it, it goes as text, which shows what is wrong with it.
void connection::impl::finish_preparing() {
  auto& text = *preparing_;
  if (status_ != 0) {
    auto number = mysql_errno(session.get());
    if (is_client_error(number) || number == 0 || mysql_get_socket(session.get()) == MARIADB_INVALID_SOCKET)
      return fail(phase::sending);
    if (number == ER_MAX_PREPARED_STMT_COUNT_REACHED) {
      prepared_.pause(prepared_set::time_point::clock::now());
      prepared_so_far.server_was_full = true;
    } else {
      prepared_.refuse(text);
    }
    if (number == ER_QUERY_INTERRUPTED || number == ER_STATEMENT_TIMEOUT) { // Meant for the statement itself.
      preparing_ = nullptr;
      return fail(phase::waiting);
    }
  }
  std::optional<uint32_t> to_close;
  if (status_ == 0) {
    auto id = static_cast<uint32_t>(made_->stmt_id);
    if (accepts(*made_)) {
      describe(text, made_->fields, made_->field_count);
      to_close = prepared_.add(text, id);
      ++prepared_so_far.made;
    } else {
      prepared_.refuse(text);
      to_close = id;
    }
  }
  // Connector/C's own statement has served its purpose. What it closes on the server is the one that is not needed.
  made_->stmt_id = to_close.value_or(0);
  if (!to_close)
    made_->state = MYSQL_STMT_INITTED;
  step_ = step::close;
}

/// Whether the results of a prepared statement are the same as those of its text. The name of an expression is its
/// text: with a literal in one case, and a placeholder in the other.
bool connection::impl::accepts(const MYSQL_STMT& made) const {
  if (made.param_count != preparing_->names.size() || (made.field_count > 0 && made.fields == nullptr))
    return false;
  return std::none_of(made.fields, made.fields + made.field_count, [&](auto& field) {
    return !preparing_->names.empty() && std::string_view{field.name, field.name_length}.find('?') != std::string::npos;
  });
}

/// Sends the statement whose text was prepared, or was not.
void connection::impl::send_pending() {
  auto text = std::exchange(preparing_, nullptr);
  if (text->is_prepared) {
    set_statement(execute_, text->id);
    std::swap(sql_, execute_);
  }
  auto command = text->is_prepared ? outgoing::execute : outgoing::query;
  if (text->is_prepared)
    in_flight_.back() = std::move(text);
  if (!goes_out_together()) {
    step_ = step::send;
    return;
  }
  out_.add(command, sql_);
  out_.flush(mysql_get_socket(session.get()));
  step_ = step::answer;
}

/// Rows follow, of which the server describes the columns if they have changed, or always.
void connection::impl::read_binary_answer(prepared_text& text) {
  auto& handle = *session;
  if (reader_.complete_sets() > 0)
    return fail(malformed("a prepared statement has more than one result"));
  std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> described{mysql_use_result(&handle), mysql_free_result};
  if (described) {
    described->handle = nullptr; // Otherwise it would read the rows.
    describe(text, described->fields, described->field_count);
  } else if (handle.fields != nullptr || handle.field_count != text.columns->size()) {
    return fail(malformed("it has columns that it does not describe"));
  }
  if (!reader_.begin_rows(text.columns))
    return fail(oversized(max_result_bytes));
  rows_ = raw_->rows();
  step_ = step::row;
}

/// After some errors a prepared statement has not run, and has to be prepared again.
void connection::impl::forget_stale(driver_error& error) {
  auto text = in_flight_.empty() ? nullptr : in_flight_.front().get();
  if (text == nullptr || error.source != error_source::server || error.phase != phase::waiting
      || (error.number != ER_UNKNOWN_STMT_HANDLER && error.number != ER_NEED_REPREPARE))
    return;
  error.source = error_source::not_prepared;
  if (text->is_prepared) // Not yet, by the error of one before it.
    prepared_.refuse(*text);
}

} // namespace cenote::db
