// Statements that are sent one behind the other.

#include "db/connection_impl.hpp"
#include "db/execute_request.hpp"

#include <algorithm>
#include <cassert>
#include <new>
#include <stdexcept>
#include <utility>

namespace cenote::db {

namespace {

/// Prepared statements are an aid: a step without memory for them gives nothing, and the statement goes as text.
template <class F>
auto if_there_is_memory(F step) -> decltype(step()) {
  try {
    return step();
  } catch (const std::bad_alloc&) {
    return {};
  } catch (const std::length_error&) {
    return {};
  }
}

} // namespace

/// Whether statements are collected and handed to the system together.
bool connection::impl::goes_out_together() const noexcept {
  return !tls && !is_compressed(*session);
}

std::optional<driver_error> connection::impl::send(const statement& request) {
  assert(can_send());
  limit_each_ = false;
  auto text = if_there_is_memory([&] { return prepared_.use(request.sql); });
  auto writes_execute = [&] { return write_execute(sql_, *text, request, *session->charset); };
  if (text != nullptr && text->is_prepared && if_there_is_memory(writes_execute)
      && sql_.size() <= std::min<uint64_t>(max_statement_bytes, outbox::max_statement))
    return hand_over(text);
  if (auto problem = write_statement(request))
    return problem;
  if (text != nullptr && prepared_.is_due(*text, prepared_set::time_point::clock::now())
      && if_there_is_memory([&] { return begin_preparing(text, request); }))
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
