#include "pool/session_transaction.hpp"

#include "pool/sql_rules.hpp"
#include "pool/tokens.hpp"
#include "types/first_word.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <string>
#include <utility>
#include <vector>

namespace cenote::pool {

namespace {

constexpr bool is_word_char(char character) {
  return (character >= '0' && character <= '9') || (upper(character) >= 'A' && upper(character) <= 'Z')
         || character == '_';
}

/// Whether the text contains this word, which is given in upper case, in any case.
bool has_word(std::string_view text, std::string_view word) {
  auto same = [](char letter, char capital) { return upper(letter) == capital; };
  for (auto i = text.begin();;) {
    i = std::search(i, text.end(), word.begin(), word.end(), same);
    if (i == text.end())
      return false;
    auto end = i + static_cast<std::ptrdiff_t>(word.size());
    if ((i == text.begin() || !is_word_char(*std::prev(i))) && (end == text.end() || !is_word_char(*end)))
      return true;
    ++i;
  }
}

/// Statements that begin no transaction, though some of them end one.
constexpr std::array<std::string_view, 45> harmless_words{
    "SELECT", "INSERT",  "UPDATE",   "DELETE",  "REPLACE", "WITH",     "VALUES",     "TABLE",     "SHOW",
    "DO",     "EXPLAIN", "DESCRIBE", "DESC",    "CREATE",  "ALTER",    "DROP",       "TRUNCATE",  "RENAME",
    "LOCK",   "UNLOCK",  "GRANT",    "REVOKE",  "ANALYZE", "OPTIMIZE", "CHECK",      "CHECKSUM",  "REPAIR",
    "FLUSH",  "LOAD",    "USE",      "PREPARE", "HANDLER", "KILL",     "DEALLOCATE", "HELP",      "CACHE",
    "PURGE",  "RESET",   "INSTALL",  "SIGNAL",  "GET",     "RELEASE",  "SAVEPOINT",  "UNINSTALL", "RESIGNAL"};

/// What the holder has to know to continue.
constexpr std::string_view advice = "; this session runs nothing else before a rollback or another begin";

failure ended(outcome effect, std::string text) {
  failure result;
  result.code = errc::transaction_ended;
  result.outcome = effect;
  result.text = std::move(text);
  return result;
}

failure invalid(std::string text) {
  failure result;
  result.code = errc::invalid_statement;
  result.outcome = outcome::rejected;
  result.text = std::move(text);
  return result;
}

} // namespace

namespace {

/// Whether it only rolls back to a savepoint.
bool is_partial_rollback(const std::vector<std::string>& words) {
  auto second = words.size() > 1 && words[1] == "WORK" ? 2u : 1u;
  return words.size() > second && words[second] == "TO";
}

} // namespace

bool is_rollback(std::string_view sql) {
  auto words = first_words(sql, 6);
  if (words.empty() || words[0] != "ROLLBACK")
    return false;
  words.erase(words.begin(), words.begin() + (words.size() > 1 && words[1] == "WORK" ? 2 : 1));
  // RELEASE would end the connection, CHAIN begins another transaction.
  return words.empty() || words == std::vector<std::string>{"AND", "NO", "CHAIN"}
         || words == std::vector<std::string>{"NO", "RELEASE"}
         || words == std::vector<std::string>{"AND", "NO", "CHAIN", "NO", "RELEASE"};
}

bool controls_transaction(std::string_view sql) {
  auto word = detail::first_word(sql);
  return word == "COMMIT" || (word == "BEGIN" && !has_word(sql, "ATOMIC"))
         || (word == "START" && has_word(sql, "TRANSACTION"))
         || (word == "ROLLBACK" && !is_partial_rollback(first_words(sql, 3)));
}

bool may_restart_transaction(std::string_view sql) {
  auto word = detail::first_word(sql);
  if (word == "SET")
    return has_word(sql, "STATEMENT");
  if (word == "ROLLBACK") // To a savepoint; that would also remove one that was set to mark the transaction.
    return !is_partial_rollback(first_words(sql, 3));
  return std::ranges::find(harmless_words, word) == harmless_words.end();
}

std::optional<failure> session_transaction::refusal(session_step step, std::string_view sql, bool open) const {
  if (ended_) {
    if (step == session_step::rollback || step == session_step::begin
        || (step == session_step::statement && is_rollback(sql)))
      return std::nullopt;
    auto reason = *ended_;
    reason.text = "not sent, because the transaction has ended: " + reason.text;
    return reason;
  }
  if (step == session_step::begin && open)
    return invalid("a transaction is open already: commit or roll back first, or set a savepoint");
  if (begun_ && step == session_step::statement && controls_transaction(sql))
    return invalid(detail::first_word(sql)
                   + " would begin or end the open transaction without the session's knowledge: use the messages or "
                     "functions begin, commit and rollback instead");
  return std::nullopt;
}

bool session_transaction::needs_mark(session_step step, std::string_view sql) const {
  return begun_ && !ended_ && step == session_step::statement && may_restart_transaction(sql);
}

std::optional<failure> session_transaction::succeeded(session_step step, std::string_view sql, bool open) {
  // Otherwise `refusal` has not been called.
  assert(!ended_ || (step != session_step::savepoint && step != session_step::commit));
  switch (step) {
  case session_step::begin:
    begun_ = true;
    ended_.reset();
    statements_ = 0;
    return std::nullopt;
  case session_step::commit:
  case session_step::rollback:
    begun_ = false;
    ended_.reset();
    return std::nullopt;
  case session_step::statement:
    if (ended_) { // It was a rollback.
      begun_ = false;
      ended_.reset();
      return std::nullopt;
    }
    ++statements_;
    break;
  case session_step::savepoint:
    break;
  }
  if (!begun_ || open)
    return std::nullopt;
  if (step == session_step::statement && may_commit(sql))
    ended_ = ended(outcome::unknown, place(step, sql)
                                         + " has been run, but has ended the transaction that it belonged to, as DDL, "
                                           "LOCK TABLES and procedures with COMMIT do: the statements before it may "
                                           "have been committed");
  else
    ended_ =
        ended(outcome::unknown,
              "the transaction was gone when " + place(step, sql)
                  + " was run: it may have taken effect alone, and the statements before it may have been committed");
  ended_->text += advice;
  if (statements_ > 0)
    ended_->statement_index = statements_ - 1;
  return ended_;
}

failure session_transaction::failed(session_step step, std::string_view sql, bool was_open, bool open, failure error) {
  switch (step) {
  case session_step::begin:
    return error;
  case session_step::commit:
  case session_step::rollback:
    begun_ = begun_ && open;
    return error;
  case session_step::statement:
    if (ended_)
      return error;
    ++statements_;
    break;
  case session_step::savepoint:
    break;
  }
  auto may_have_committed = step == session_step::statement && may_commit(sql);
  // A holder that uses SQL instead of messages may end its transaction as it likes, but must hear of the loss of one.
  auto lost = was_open && (!may_have_committed || error.outcome == outcome::rolled_back);
  if (open || (!begun_ && !lost))
    return error;
  if (begun_ && may_have_committed) {
    error.code = errc::transaction_ended;
    error.outcome = outcome::unknown;
    error.text += "; and " + place(step, sql)
                  + " has ended the transaction that it belonged to: the statements before it may have been committed";
  } else {
    if (error.outcome != outcome::rolled_back)
      error.code = errc::transaction_ended;
    error.outcome = outcome::rolled_back;
    error.text += "; the server has rolled back the whole transaction, at " + place(step, sql);
  }
  error.text += advice;
  if (begun_ && statements_ > 0)
    error.statement_index = statements_ - 1;
  ended_ = error;
  return error;
}

outcome session_transaction::if_session_ends(bool open) const {
  if (ended_)
    return ended_->outcome;
  return begun_ || open ? outcome::rolled_back : outcome::rejected;
}

std::string session_transaction::place(session_step step, std::string_view sql) const {
  if (step == session_step::savepoint)
    return "a savepoint after statement " + std::to_string(statements_);
  // Not its text, which may contain secrets.
  auto word = detail::first_word(sql);
  auto name = word.empty() ? std::string{} : " (" + word + ")";
  return begun_ ? "statement " + std::to_string(statements_) + name : "a statement" + name;
}

} // namespace cenote::pool
