#define CAF_SUITE pool.session_transaction

#include "pool/session_transaction.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;

namespace {

using step = session_step;

failure failed(errc code, outcome effect) {
  failure result;
  result.code = code;
  result.outcome = effect;
  result.text = "why";
  return result;
}

const auto deadlock = failed(errc::deadlock, outcome::rolled_back);
const auto duplicate = failed(errc::server_error, outcome::rejected);

/// A transaction that `begin` has begun.
session_transaction begun() {
  session_transaction x;
  x.succeeded(step::begin, {}, true);
  return x;
}

bool refuses(const session_transaction& x, step next, std::string_view sql = {}, bool open = false) {
  return x.refusal(next, sql, open).has_value();
}

} // namespace

SCENARIO("texts that only begin or end a transaction are known by their words") {
  struct row {
    std::string_view sql;
    bool controls;
    bool rolls_back;
  };
  const row table[] = {
      {"COMMIT", true, false},
      {"commit work", true, false},
      {"/* done */ COMMIT AND CHAIN", true, false},
      {"ROLLBACK", true, true},
      {"rollback work", true, true},
      {"ROLLBACK TO SAVEPOINT a", false, false},
      {"ROLLBACK WORK TO a", false, false},
      {"ROLLBACK AND CHAIN -- TOTO", true, false},
      {"ROLLBACK AND CHAIN /* back to the start */", true, false},
      {"ROLLBACK /* to */ WORK AND NO CHAIN", true, true},
      {"BEGIN", true, false},
      {"begin work", true, false},
      {"BEGIN NOT ATOMIC SELECT 1; END", false, false},
      {"START TRANSACTION READ ONLY", true, false},
      {"START SLAVE", false, false},
      {"SAVEPOINT a", false, false},
      {"SET autocommit = 1", false, false},
      {"INSERT INTO t VALUES ('COMMIT')", false, false},
      {"CALL p()", false, false},
  };
  for (auto& x : table) {
    MESSAGE(std::string{x.sql});
    CHECK_EQ(controls_transaction(x.sql), x.controls);
    CHECK_EQ(is_rollback(x.sql), x.rolls_back);
  }
}

SCENARIO("whatever may end a transaction and begin another one is marked") {
  for (std::string_view sql :
       {"CALL p()", "BEGIN NOT ATOMIC CALL p(); END", "EXECUTE s", "EXECUTE IMMEDIATE 'BEGIN'", "/*! COMMIT */",
        "SET STATEMENT max_statement_time = 1 FOR CALL p()", "IF 1 THEN CALL p()", "label: LOOP", "XA START 'a'",
        "START SLAVE", "a new statement of a later server"}) {
    MESSAGE(std::string{sql});
    CHECK(may_restart_transaction(sql));
    CHECK(begun().needs_mark(step::statement, sql));
    CHECK(!session_transaction{}.needs_mark(step::statement, sql));
  }
  for (std::string_view sql :
       {"SELECT 1", "insert into t values (1)", "CREATE TABLE t (a INT)", "SET @a = 1", "LOCK TABLES t READ",
        "ROLLBACK TO SAVEPOINT a", "SAVEPOINT a", "PREPARE s FROM 'BEGIN'"}) {
    MESSAGE(std::string{sql});
    CHECK(!may_restart_transaction(sql));
  }
  CHECK(!begun().needs_mark(step::commit, "COMMIT"));
}

SCENARIO("a transaction that goes as it should is not disturbed") {
  auto x = begun();
  CHECK(!x.succeeded(step::statement, "INSERT INTO t VALUES (1)", true));
  CHECK(!x.succeeded(step::savepoint, {}, true));
  CHECK(x.failed(step::statement, "INSERT INTO t VALUES (1)", true, true, duplicate) == duplicate);
  CHECK(x.failed(step::statement, "CALL p()", true, true, duplicate) == duplicate);
  CHECK(!refuses(x, step::statement, "SELECT 1", true));
  CHECK(!refuses(x, step::commit, {}, true));
  CHECK_EQ(to_string(x.if_session_ends(true)), "rolled_back");
  CHECK(!x.succeeded(step::commit, {}, false));
  CHECK_EQ(to_string(x.if_session_ends(false)), "rejected");
  CHECK(!x.succeeded(step::statement, "CREATE TABLE t (a INT)", false));
}

SCENARIO("a second begin, and SQL that begins or ends the transaction, is refused") {
  CHECK(refuses(begun(), step::begin, {}, true));
  CHECK(refuses(session_transaction{}, step::begin, {}, true));
  CHECK(refuses(begun(), step::statement, "COMMIT", true));
  CHECK(!refuses(session_transaction{}, step::statement, "COMMIT", true));
  CHECK_EQ(to_string(begun().refusal(step::statement, "ROLLBACK", true)->code), "invalid_statement");
}

SCENARIO("a statement that has ended the transaction is told so, and nothing follows it") {
  for (std::string_view sql : {"CREATE TABLE t (a INT)", "CALL p()", "INSERT INTO t VALUES (1)"}) {
    MESSAGE(std::string{sql});
    auto x = begun();
    CHECK(!x.succeeded(step::statement, "SELECT 1", true));
    auto error = x.succeeded(step::statement, sql, false);
    REQUIRE(error.has_value());
    CHECK_EQ(to_string(error->code), "transaction_ended");
    CHECK_EQ(to_string(error->outcome), "unknown");
    CHECK_EQ(error->statement_index.value_or(99), 1u);
    for (auto next : {step::statement, step::commit, step::savepoint}) {
      auto refused = x.refusal(next, "SELECT 1", false);
      REQUIRE(refused.has_value());
      CHECK_EQ(to_string(refused->code), "transaction_ended");
      CHECK_EQ(to_string(refused->outcome), "unknown");
    }
    CHECK_EQ(to_string(x.if_session_ends(false)), "unknown");
    CHECK(!refuses(x, step::rollback));
    CHECK(!refuses(x, step::statement, "ROLLBACK"));
    CHECK(!refuses(x, step::begin, {}, true));
    CHECK(x.needs_rollback_first());
    CHECK(!x.succeeded(step::rollback, {}, false));
    CHECK(!refuses(x, step::statement, "SELECT 1"));
    CHECK(!x.needs_rollback_first());
  }
}

SCENARIO("another begin ends the refusal as well") {
  auto x = begun();
  CHECK(x.succeeded(step::statement, "CALL p()", false).has_value());
  CHECK(!x.succeeded(step::begin, {}, true));
  CHECK(!refuses(x, step::commit, {}, true));
}

SCENARIO("a statement that failed and took the transaction with it") {
  struct row {
    std::string_view sql;
    failure error;
    errc code;
    outcome effect;
  };
  const row table[] = {
      {"UPDATE t SET a = 1", deadlock, errc::deadlock, outcome::rolled_back},
      {"UPDATE t SET a = 1", duplicate, errc::transaction_ended, outcome::rolled_back},
      {"CREATE TABLE t (a INT)", duplicate, errc::transaction_ended, outcome::unknown},
      {"CALL p()", deadlock, errc::transaction_ended, outcome::unknown},
      {"CALL p()", duplicate, errc::transaction_ended, outcome::unknown},
  };
  for (auto& x : table) {
    MESSAGE(std::string{x.sql} << ": " << to_string(x.error.code));
    auto transaction = begun();
    auto error = transaction.failed(step::statement, x.sql, true, false, x.error);
    CHECK_EQ(to_string(error.code), to_string(x.code));
    CHECK_EQ(to_string(error.outcome), to_string(x.effect));
    CHECK_EQ(error.statement_index.value_or(99), 0u);
    auto refused = transaction.refusal(step::commit, {}, false);
    REQUIRE(refused.has_value());
    CHECK_EQ(to_string(refused->code), to_string(x.code));
    CHECK_EQ(to_string(refused->outcome), to_string(x.effect));
  }
}

SCENARIO("a transaction that was begun by SQL is not lost unnoticed either, but may be ended by SQL") {
  session_transaction x;
  CHECK(!x.succeeded(step::statement, "START TRANSACTION", true));
  CHECK(!x.succeeded(step::statement, "CREATE TABLE t (a INT)", false));
  CHECK(!x.succeeded(step::statement, "START TRANSACTION", true));
  CHECK_EQ(to_string(x.if_session_ends(true)), "rolled_back");
  CHECK(x.failed(step::statement, "CREATE TABLE t (a INT)", true, false, duplicate) == duplicate);
  CHECK(!refuses(x, step::statement, "SELECT 1"));
  x.failed(step::statement, "UPDATE t SET a = 1", true, false, deadlock);
  CHECK(refuses(x, step::statement, "SELECT 1"));
  CHECK(refuses(x, step::commit));
  CHECK(!x.succeeded(step::statement, "ROLLBACK", false));
  CHECK(!refuses(x, step::commit));
  CHECK(x.failed(step::statement, "UPDATE t SET a = 1", false, false, deadlock) == deadlock);
  CHECK(!refuses(x, step::commit));
}

SCENARIO("a commit or rollback that failed ends the transaction if the server says so") {
  for (auto next : {step::commit, step::rollback}) {
    auto still_open = begun();
    CHECK(still_open.failed(next, {}, true, true, duplicate) == duplicate);
    CHECK_EQ(to_string(still_open.if_session_ends(false)), "rolled_back");
    auto over = begun();
    CHECK(over.failed(next, {}, true, false, duplicate) == duplicate);
    CHECK_EQ(to_string(over.if_session_ends(false)), "rejected");
  }
}
