// Statements that are sent one behind the other.

#include "db/connection_impl.hpp"
#include "db/execute_request.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace cenote::db {

/// Whether statements are collected and handed to the system together.
bool connection::impl::goes_out_together() const noexcept {
  return !tls && !is_compressed(*session);
}

std::optional<driver_error> connection::impl::send(const statement& request) {
  assert(can_send());
  limit_each_ = false;
  auto text = prepared_.use(request.sql);
  if (text != nullptr && text->is_prepared && write_execute(sql_, *text, request, *session->charset)
      && sql_.size() <= std::min<uint64_t>(max_statement_bytes, outbox::max_statement))
    return hand_over(text);
  if (auto problem = write_statement(request))
    return problem;
  if (text != nullptr && prepared_.is_due(*text, prepared_set::time_point::clock::now())
      && begin_preparing(text, request))
    return std::nullopt;
  return hand_over(nullptr);
}

/// Sends `sql_`.
/// @param text its prepared statement, or null.
std::optional<driver_error> connection::impl::hand_over(prepared_text_ptr text) {
  auto is_small = sql_.size() <= outbox::max_statement;
  if (goes_out_together() && !is_small && !in_flight_.empty()) // It would overtake the others.
    return refusal("the statement is too large to be sent while others are under way");
  auto command = text != nullptr ? outgoing::execute : outgoing::query;
  in_flight_.push_back(std::move(text));
  if (goes_out_together() && is_small) {
    out_.add(command, sql_);
    step_ = step::answer;
    return std::nullopt;
  }
  step_ = step::send;
  run_unanswered();
  return std::nullopt;
}

/// Runs the steps before the answer. If the connection is lost, that shows again when the answers are read.
void connection::impl::run_unanswered() {
  if (run(0) != progress::done || usable()) // Stopped while it was prepared: `next` tells.
    return;
  failed_ = false;
  if (preparing_ == nullptr)
    ++unsent_;
  step_ = step::answer;
}

void connection::impl::flush() {
  auto is_within_packet = suspended_ && step_ == step::send;
  if (out_.is_waiting() && !is_within_packet)
    out_.flush(mysql_get_socket(session.get()));
}

size_t connection::impl::unsent() const noexcept {
  return unsent_ + out_.unsent() + (preparing_ != nullptr ? 1 : 0);
}

bool connection::impl::can_send() const noexcept {
  return !suspended_ && preparing_ == nullptr && (step_ == step::idle || step_ == step::answer);
}

} // namespace cenote::db
