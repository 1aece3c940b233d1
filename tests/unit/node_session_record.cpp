#define CAF_SUITE node.session_record

#include "node/session_record.hpp"

#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::node;

namespace {

using step = session_step;

constexpr auto rolled_back = outcome::rolled_back;
constexpr auto unknown = outcome::unknown;
constexpr auto rejected = outcome::rejected;

/// A record after BEGIN, which was answered.
session_record begun() {
  session_record x;
  x.send(step::begin, "");
  x.answered(step::begin, true);
  return x;
}

void done(session_record& x, step what, bool succeeded = true) {
  x.send(what, "");
  x.answered(what, succeeded);
}

} // namespace

SCENARIO("without a transaction, each statement commits itself") {
  session_record x;
  CHECK_EQ(x.after_loss(), rejected);
  CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), unknown);
  CHECK_EQ(x.send(step::execute, "SELECT 1"), unknown);
  CHECK_EQ(x.send(step::commit, ""), unknown);
  session_record y;
  CHECK_EQ(y.send(step::rollback, ""), rolled_back);
  session_record z;
  CHECK_EQ(z.send(step::savepoint, ""), unknown);
}

SCENARIO("in an open transaction, all is rolled back until a COMMIT is sent") {
  auto x = begun();
  CHECK_EQ(x.after_loss(), rolled_back);
  CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), rolled_back);
  CHECK_EQ(x.send(step::savepoint, ""), rolled_back);
  x.answered(step::execute, false);
  x.answered(step::savepoint, false);
  CHECK_EQ(x.send(step::execute, "UPDATE t SET a = 1"), rolled_back);
  CHECK_EQ(x.after_loss(), rolled_back);
  CHECK_EQ(x.send(step::commit, ""), unknown);
  CHECK_EQ(x.after_loss(), rejected);
  CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), unknown);
  CHECK_EQ(x.send(step::rollback, ""), unknown);
}

SCENARIO("what was not sent when the node was lost has no effect, and an open transaction is rolled back") {
  session_record x;
  CHECK_EQ(x.if_unsent(step::execute), outcome::not_sent);
  CHECK_EQ(x.if_unsent(step::commit), outcome::not_sent);
  x.send(step::begin, "");
  CHECK_EQ(x.if_unsent(step::execute), outcome::not_sent);
  x.answered(step::begin, true);
  CHECK_EQ(x.if_unsent(step::execute), rolled_back);
  CHECK_EQ(x.if_unsent(step::commit), rolled_back);
  // It may have committed what was before it.
  x.send(step::execute, "CALL p()");
  CHECK_EQ(x.if_unsent(step::execute), outcome::not_sent);
  CHECK_EQ(x.if_unsent(step::commit), unknown);
}

SCENARIO("which statements may end a transaction") {
  struct row {
    const char* sql;
    outcome own;
  };
  for (auto& [sql, own] : std::vector<row>{
           {"SELECT 1", rolled_back},
           {"  insert into t values (1)", rolled_back},
           {"/* a comment */ UPDATE t SET a = 1", rolled_back},
           {"DELETE FROM t", rolled_back},
           {"REPLACE INTO t VALUES (1)", rolled_back},
           {"WITH x AS (SELECT 1) SELECT * FROM x", rolled_back},
           {"DO 1", rolled_back},
           {"TRUNCATE t", unknown},
           {"CREATE TABLE t (a INT)", unknown},
           {"ALTER TABLE t ADD b INT", unknown},
           {"DROP TABLE t", unknown},
           {"RENAME TABLE t TO u", unknown},
           {"LOCK TABLES t WRITE", unknown},
           {"UNLOCK TABLES", unknown},
           {"ANALYZE TABLE t", unknown},
           {"OPTIMIZE TABLE t", unknown},
           {"SET autocommit = 1", unknown},
           {"START TRANSACTION", unknown},
           {"BEGIN", unknown},
           {"COMMIT", unknown},
           {"CALL p()", unknown},
           {"EXECUTE s", unknown},
           {"EXECUTE IMMEDIATE 'COMMIT'", unknown},
           {"BEGIN NOT ATOMIC COMMIT; END", unknown},
           {"SET STATEMENT max_statement_time = 1 FOR CALL p()", unknown},
           {"XA BEGIN 'a'", unknown},
           {"GRANT SELECT ON *.* TO a", unknown},
           {"FLUSH TABLES", unknown},
           {"/*!50000 COMMIT */", unknown},
           {"what is this", unknown},
           {"", unknown},
       }) {
    auto x = begun();
    auto found = x.send(step::execute, sql);
    if (found != own)
      CAF_ERROR(sql << ": " << to_string(found));
    x.answered(step::execute, true);
    // And those behind it.
    CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), own);
    CHECK_EQ(x.after_loss(), own == rolled_back ? rolled_back : rejected);
    // Until the next transaction.
    done(x, step::rollback);
    done(x, step::begin);
    CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), rolled_back);
  }
}

SCENARIO("a transaction counts as open from the answer to its BEGIN") {
  session_record x;
  CHECK_EQ(x.send(step::begin, ""), rolled_back);
  CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), unknown);
  CHECK_EQ(x.after_loss(), rejected);
  x.answered(step::begin, true);
  CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), rolled_back);
  session_record y;
  done(y, step::begin, false);
  CHECK_EQ(y.send(step::execute, "INSERT INTO t VALUES (1)"), unknown);
}

SCENARIO("after the end of a transaction, statements commit themselves again") {
  for (auto end : {step::commit, step::rollback}) {
    auto x = begun();
    done(x, end);
    CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), unknown);
    CHECK_EQ(x.after_loss(), rejected);
    CHECK_EQ(x.send(step::rollback, ""), rolled_back);
    done(x, step::begin);
    CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), rolled_back);
  }
}

SCENARIO("a rollback that is sent in an open transaction rolls it back, whether its answer comes or not") {
  auto x = begun();
  CHECK_EQ(x.send(step::rollback, ""), rolled_back);
  CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), unknown);
}

SCENARIO("after a COMMIT that failed, nothing is certain before the next transaction") {
  auto x = begun();
  done(x, step::commit, false);
  CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), unknown);
  CHECK_EQ(x.send(step::rollback, ""), unknown);
  x.answered(step::rollback, true);
  done(x, step::begin);
  CHECK_EQ(x.after_loss(), rolled_back);
}

SCENARIO("requests that are sent before earlier ones are answered count in the order they were sent") {
  GIVEN("a transaction whose end was sent before its beginning was answered") {
    for (auto end : {step::commit, step::rollback}) {
      session_record x;
      x.send(step::begin, "");
      CHECK_EQ(x.send(end, ""), unknown);
      x.answered(step::begin, true);
      CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), unknown);
      CHECK_EQ(x.after_loss(), rejected);
      x.answered(end, true);
      CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), unknown);
    }
  }
  GIVEN("a statement that commits, sent before BEGIN was answered") {
    session_record x;
    x.send(step::begin, "");
    x.send(step::execute, "TRUNCATE t");
    x.answered(step::begin, true);
    x.answered(step::execute, true);
    CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), unknown);
  }
  GIVEN("a statement that commits nothing, sent before BEGIN was answered") {
    session_record x;
    x.send(step::begin, "");
    x.send(step::execute, "INSERT INTO t VALUES (1)");
    x.answered(step::begin, true);
    CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), rolled_back);
  }
  GIVEN("two transactions at once") {
    auto x = begun();
    x.send(step::commit, "");
    x.send(step::begin, "");
    x.answered(step::commit, true);
    CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), unknown);
    x.answered(step::begin, true);
    CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), rolled_back);
  }
  GIVEN("two transactions at once, and the end of the second") {
    session_record x;
    x.send(step::begin, "");
    x.send(step::commit, "");
    x.send(step::begin, "");
    x.answered(step::begin, true);
    CHECK_EQ(x.after_loss(), rejected);
    x.answered(step::commit, true);
    x.send(step::commit, "");
    x.answered(step::begin, true);
    CHECK_EQ(x.send(step::execute, "INSERT INTO t VALUES (1)"), unknown);
  }
}
