#include "simulation/model_link.hpp"

#include <cassert>
#include <string>
#include <utility>

namespace cenote::simulation {

using db::driver_error;
using db::error_source;
using db::phase;
using db::progress;

namespace {

constexpr uint32_t parse_error = 1064;

/// The server's answer as cenote sees it. The stamp comes back with it: in a column, or as the id of a row.
result to_result(const result_set& set) {
  result_builder builder;
  if (!set.has_rows) {
    builder.effects(1, static_cast<uint64_t>(set.mark), set.warnings);
    return builder.finish();
  }
  static const std::vector<column> of_statement{{"n", column_type::integer}, {"mark", column_type::integer}};
  if (set.columns == 0) {
    builder.columns(of_statement);
    builder.add("0");
    builder.add(std::to_string(static_cast<uint32_t>(set.mark)));
    return builder.finish();
  }
  builder.columns(std::vector<column>(set.columns));
  for (auto& row : set.rows)
    for (auto& cell : row)
      builder.add(cell);
  return builder.finish();
}

driver_error invalid() {
  return {error_source::invalid_statement, phase::preparing, 0, "", "the parameters do not match", 0};
}

} // namespace

bool model_link::alive() const noexcept {
  return usable() && !wire_.is_lost() && wire_.arrived().empty() && !wire_.has_beginning();
}

bool model_link::usable() const noexcept {
  auto between = state_ == state::waiting && !in_answer_
                 && (kind_ == server_request::kind::statement || kind_ == server_request::kind::compound);
  return !lost_ && (state_ == state::idle || state_ == state::done || between);
}

// -- operations --------------------------------------------------------------------

progress model_link::start_ping() {
  return start({server_request::kind::ping, {}});
}

progress model_link::start_execute(const statement& request) {
  auto command = parse(request);
  if (command.op == operation::invalid) {
    state_ = state::done;
    error_ = invalid();
    return progress::done;
  }
  return start({server_request::kind::statement, {std::move(command)}});
}

progress model_link::start_compound(const transaction& request) {
  server_request compound{server_request::kind::compound, {}};
  if (auto level = to_string(request.options.level); !level.empty())
    compound.commands.push_back({operation::set_isolation, {}, 0, level});
  compound.commands.push_back({request.options.read_only ? operation::begin_read_only : operation::begin, {}, 0, {}});
  for (auto& statement : request.statements)
    compound.commands.push_back(parse(statement));
  for (auto& command : compound.commands)
    if (command.op == operation::invalid) {
      state_ = state::done;
      error_ = invalid();
      return progress::done;
    }
  compound.commands.push_back({operation::commit, {}, 0, {}});
  return start(std::move(compound));
}

progress model_link::start_reset() {
  return start({server_request::kind::reset, {}});
}

progress model_link::start(server_request request) {
  assert(state_ == state::idle && in_flight_ == 0);
  for (auto& command : request.commands)
    wire_.note_sent(command.mark);
  kind_ = request.type;
  state_ = state::sending;
  in_flight_ = 1;
  to_send_.push_back(std::move(request));
  return hand_over();
}

progress model_link::hand_over() {
  if (wire_.is_lost() || lost_) {
    to_send_.clear();
    return fail(phase::sending, 2006, "Server has gone away");
  }
  if (!wire_.takes_more())
    return progress::want_write;
  wire_.send(std::move(to_send_.front()));
  to_send_.pop_front();
  state_ = state::waiting;
  return progress::want_read;
}

progress model_link::resume(bool readable, bool writable) {
  if (state_ == state::idle || state_ == state::done)
    return progress::done;
  if (state_ == state::sending)
    return writable || wire_.is_lost() ? hand_over() : progress::want_write;
  flush();
  return readable ? read() : next();
}

/// Goes on with the answer to the first request.
progress model_link::read() {
  while (!wire_.arrived().empty()) {
    read_.push_back(std::move(wire_.arrived().front()));
    wire_.arrived().pop_front();
    in_answer_ = false;
  }
  if (!read_.empty())
    return next();
  if (wire_.is_lost() || lost_)
    return fail(phase::waiting, 2013, "Lost connection to server during query");
  in_answer_ = wire_.has_beginning();
  return to_send_.empty() ? progress::want_read : progress::want_both;
}

progress model_link::next() {
  if (in_flight_ == 0)
    return progress::done;
  if (lost_)
    return fail(phase::waiting, 2013, "Lost connection to server during query");
  if (read_.empty())
    return to_send_.empty() ? progress::want_read : progress::want_both;
  auto reply = std::move(read_.front());
  read_.pop_front();
  return finish(std::move(reply));
}

progress model_link::finish(server_reply reply) {
  state_ = state::done;
  if (reply.error) {
    error_ = driver_error{error_source::server,  phase::waiting,    reply.error->number,
                          reply.error->sqlstate, reply.error->text, reply.sets.size()};
    touched_ |= reply.error->number != parse_error;
    return progress::done;
  }
  sets_ = std::move(reply.sets);
  in_transaction_ = reply.in_transaction;
  touched_ |= reply.touched;
  if (kind_ == server_request::kind::reset)
    touched_ = false;
  return progress::done;
}

progress model_link::fail(phase when, uint32_t number, const char* text) {
  state_ = state::done;
  lost_ = true;
  error_ = driver_error{error_source::server, when, number, "HY000", text, 0};
  return progress::done;
}

void model_link::take_outcome() {
  assert(state_ == state::done);
  if (in_flight_ > 0)
    --in_flight_;
  state_ = in_flight_ > 0 ? state::waiting : state::idle;
}

tl::expected<result, driver_error> model_link::take() {
  take_outcome();
  if (error_)
    return tl::unexpected{*std::exchange(error_, std::nullopt)};
  auto sets = std::exchange(sets_, {});
  return sets.empty() ? result{} : to_result(sets.front());
}

tl::expected<std::vector<result>, driver_error> model_link::take_compound() {
  take_outcome();
  if (error_)
    return tl::unexpected{*std::exchange(error_, std::nullopt)};
  std::vector<result> results;
  for (auto& set : std::exchange(sets_, {}))
    results.push_back(to_result(set));
  return results;
}

// -- pipelining --------------------------------------------------------------------

std::optional<driver_error> model_link::send(const statement& request) {
  assert(can_send());
  auto command = parse(request);
  if (command.op == operation::invalid)
    return invalid();
  wire_.note_sent(command.mark);
  kind_ = server_request::kind::statement;
  to_send_.push_back({server_request::kind::statement, {std::move(command)}});
  ++in_flight_;
  state_ = state::waiting;
  return std::nullopt;
}

bool model_link::can_send() const noexcept {
  return !in_answer_
         && (state_ == state::idle || (state_ == state::waiting && kind_ == server_request::kind::statement));
}

void model_link::flush() {
  // After a loss nothing is accepted any more: the loss shows when the answers are read.
  while (!to_send_.empty() && wire_.takes_more() && !wire_.is_lost() && !lost_) {
    wire_.send(std::move(to_send_.front()));
    to_send_.pop_front();
  }
}

} // namespace cenote::simulation
