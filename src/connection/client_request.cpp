#include "connection/client_request.hpp"

#include "connection/classification.hpp"
#include "pool/sql_rules.hpp"
#include "types/quoted_name.hpp"

#include <utility>

namespace cenote {

namespace {

constexpr auto stayed =
    "; some of its effects may remain, as a table without transactions, or a routine that it calls, may be involved";

request_step control(step_kind kind, std::string sql) {
  return {kind, write(std::move(sql))};
}

/// A name that no application uses: a savepoint of the same name would replace this one.
constexpr auto set_mark = "SAVEPOINT `cenote transaction mark`";
constexpr auto remove_mark = "RELEASE SAVEPOINT `cenote transaction mark`";

void add_begin(std::vector<request_step>& steps, const transaction_options& options) {
  if (auto level = to_string(options.level); !level.empty())
    steps.push_back(control(step_kind::begin, "SET TRANSACTION ISOLATION LEVEL " + level));
  steps.push_back(control(step_kind::begin, options.read_only ? "START TRANSACTION READ ONLY" : "START TRANSACTION"));
}

} // namespace

client_request::client_request(statement query, ticket answer_to)
    : answer_to_{answer_to}, kind_{query.kind}, limit_{query.timeout} {
  steps_.push_back({step_kind::statement, std::move(query)});
}

client_request::client_request(transaction request, bool as_compound, ticket answer_to)
    : answer_to_{answer_to},
      reply_{reply::results},
      kind_{kind_of(request)},
      limit_{request.timeout},
      whole_{std::move(request)} {
  if (as_compound) {
    steps_.push_back({step_kind::compound, {}});
    return;
  }
  add_steps_of_whole();
}

void client_request::add_steps_of_whole() {
  add_begin(steps_, whole_.options);
  for (auto& part : whole_.statements) {
    auto marked = pool::may_restart_transaction(part.sql);
    if (marked)
      steps_.push_back(control(step_kind::mark, set_mark));
    steps_.push_back({step_kind::statement, part});
    if (marked)
      steps_.push_back(control(step_kind::check, remove_mark));
  }
  steps_.push_back(control(step_kind::commit, "COMMIT"));
}

client_request::client_request(session_command command, ticket answer_to)
    : answer_to_{answer_to}, reply_{reply::nothing}, kind_{command.text.kind}, limit_{command.text.timeout} {
  using action = session_command::action;
  switch (command.kind) {
  case action::execute:
    reply_ = reply::result;
    steps_.push_back({step_kind::statement, std::move(command.text)});
    break;
  case action::begin:
    step_ = pool::session_step::begin;
    add_begin(steps_, command.options);
    break;
  case action::commit:
    step_ = pool::session_step::commit;
    steps_.push_back(control(step_kind::commit, "COMMIT"));
    break;
  case action::rollback:
    step_ = pool::session_step::rollback;
    steps_.push_back(control(step_kind::control, "ROLLBACK"));
    break;
  case action::savepoint:
    step_ = pool::session_step::savepoint;
    steps_.push_back(control(step_kind::control, "SAVEPOINT " + detail::quoted_name(command.savepoint)));
    break;
  case action::rollback_to:
    step_ = pool::session_step::savepoint;
    steps_.push_back(control(step_kind::control, "ROLLBACK TO SAVEPOINT " + detail::quoted_name(command.savepoint)));
    break;
  }
}

void client_request::guard() {
  guarded_ = true;
  steps_.insert(steps_.begin(), control(step_kind::mark, set_mark));
  steps_.push_back(control(step_kind::check, remove_mark));
}

void client_request::roll_back_first() {
  steps_.insert(steps_.begin(), control(step_kind::begin, "ROLLBACK"));
}

bool client_request::step_done(result outcome) {
  auto kind = current().kind;
  if (kind == step_kind::statement)
    results_.push_back(std::move(outcome));
  else if (kind == step_kind::question)
    stayed_ |= pool::has_lasting_effects(outcome);
  auto more = ++at_ < steps_.size();
  if (kind == step_kind::question && (!more || current().kind != step_kind::question)) {
    if (stayed_)
      failed_->text += stayed;
    else
      failed_->outcome = if_nothing_stayed_;
  }
  return more;
}

bool client_request::step_done(std::vector<result> results) {
  results_ = std::move(results);
  return ++at_ < steps_.size();
}

bool client_request::may_be_committing() const {
  auto& step = current();
  return step.kind == step_kind::commit || step.kind == step_kind::compound || step.kind == step_kind::check
         || (step.kind == step_kind::statement && pool::may_commit(step.text.sql));
}

failure client_request::outcome_of_whole(failure reason, std::optional<size_t> complete_sets,
                                         bool in_transaction) const {
  // A check that could not be sent says nothing about the statement before it, which has run and may have committed.
  if (current().kind == step_kind::check && reason.outcome == outcome::not_sent)
    reason.outcome = outcome::unknown;
  if (is_transaction()) {
    if (current().kind == step_kind::statement || current().kind == step_kind::mark)
      reason.statement_index = static_cast<uint32_t>(results_.size());
    else if (current().kind == step_kind::check)
      reason.statement_index = static_cast<uint32_t>(results_.size() - 1);
    else if (current().kind == step_kind::compound && complete_sets && *complete_sets < whole_.statements.size())
      reason.statement_index = static_cast<uint32_t>(*complete_sets);
  } else if (!in_transaction || reason.code == errc::statement_timeout) {
    return reason; // There is no transaction, or it stays open.
  }
  // A server that loses its client rolls back that client's uncommitted work.
  auto began = !is_transaction() || !at_start();
  auto undone =
      (reason.outcome == outcome::unknown && !may_be_committing()) || (reason.outcome == outcome::not_sent && began);
  if (undone) // A result that is too large would be too large again.
    reason.outcome = reason.code == errc::result_too_large ? outcome::rejected : outcome::rolled_back;
  return reason;
}

pool::partial_effect client_request::partial_effect() const {
  return current().kind == step_kind::statement ? pool::partial_effect_of(current().text.sql)
                                                : pool::partial_effect::none;
}

bool client_request::asks_what_stayed(failure& reason, const pool::observed_error& error) {
  if (is_transaction() || current().kind != step_kind::statement || reason.outcome == outcome::unknown
      || reason.code == errc::invalid_statement)
    return false;
  auto inquiry = pool::inquire_after(current().text, error);
  if (inquiry.undeterminable) {
    reason.outcome = outcome::unknown;
    reason.text += stayed;
  }
  questions_ = std::move(inquiry.questions);
  return !questions_.empty();
}

void client_request::ask_what_stayed(failure reason) {
  if_nothing_stayed_ = std::exchange(reason.outcome, outcome::unknown);
  failed_ = std::move(reason);
  steps_.clear();
  for (auto& question : std::exchange(questions_, {}))
    steps_.push_back({step_kind::question, std::move(question)});
  at_ = 0;
}

failure client_request::outcome_if_cut(failure reason, bool in_transaction) const {
  return failed_ ? *failed_ : outcome_of_whole(std::move(reason), std::nullopt, in_transaction);
}

void client_request::take_apart() {
  // After an error it is unknown whether a transaction is open, and START TRANSACTION would commit it.
  steps_ = {control(step_kind::begin, "ROLLBACK")};
  add_steps_of_whole();
  at_ = 0;
  results_.clear();
}

void client_request::doubt_rollback() {
  if (!failed_ || failed_->outcome == outcome::unknown)
    return;
  failed_->outcome = outcome::unknown;
  failed_->text += "; its changes to tables without transactions remain";
}

void client_request::fail_after(std::string sql, failure reason) {
  failed_ = std::move(reason);
  steps_ = {control(step_kind::aftermath, std::move(sql))};
  at_ = 0;
}

void client_request::look_and_fail(failure reason) {
  auto marked = guarded_ && current().kind != step_kind::mark;
  fail_after(marked ? remove_mark : "DO 0", std::move(reason));
}

void client_request::answer(connection_output& out, const grant* origin) {
  if (failed_)
    answer(out, *failed_, origin);
  else if (answer_once())
    out.add(connection_command::answer{answer_to_, take_result()});
}

void client_request::answer(connection_output& out, failure reason, const grant* origin) {
  if (!answer_once())
    return;
  if (origin != nullptr) {
    reason = of_request(std::move(reason), *origin);
  } else {
    reason.attempts = 1;
    reason.waited = reason.waited.zero();
  }
  out.add(connection_command::answer{answer_to_, std::move(reason)});
}

std::variant<std::monostate, result, std::vector<result>, session_id, failure> client_request::take_result() {
  switch (reply_) {
  case reply::result:
    return results_.empty() ? result{} : std::move(results_.back());
  case reply::results:
    return std::move(results_);
  case reply::nothing:
    break;
  }
  return std::monostate{};
}

} // namespace cenote
