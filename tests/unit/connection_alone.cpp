#define CAF_SUITE connection.alone

#include "support/connection_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

SCENARIO("a statement alone is sent, answered, and the connection reported free") {
  GIVEN("a free connection") {
    connection_driver connection;
    THEN("each event leads to the next step") {
      CHECK_EQ(connection.give(1, write("INSERT 1")), "run INSERT 1");
      CHECK_EQ(connection.ok(), "answer 1: result, report reusable (1)");
      CHECK_EQ(connection.give(2, write("INSERT 2")), "run INSERT 2");
      CHECK_EQ(connection.fails(1064, "42000"), "answer 2: server_error rejected, report reusable (1)");
    }
  }
}

SCENARIO("what a connection was given for too late is not sent") {
  connection_driver connection;
  CHECK_EQ(connection.give(1, write("INSERT 1"), -1ns), "answer 1: statement_timeout not_sent, report reusable (1)");
  CHECK_EQ(connection.give(2, write("INSERT 2")), "run INSERT 2");
}

SCENARIO("a connection that is lost with a statement tells that it may have run") {
  connection_driver connection;
  connection.give(1, write("INSERT 1"));
  CHECK_EQ(connection.lost(), "answer 1: connection_lost unknown, end, report lost (1)");
  CHECK_EQ(connection.give(2, write("INSERT 2")), "return 2");
}

SCENARIO("a server that hangs up while nothing is asked is noticed") {
  connection_driver connection;
  connection.server.alive = false;
  CHECK_EQ(connection.give(1, write("INSERT 1")), "return 1");
  CHECK_EQ(connection.ping(), "");
}

SCENARIO("a failed statement in a transaction of its own has the transaction rolled back before it is answered") {
  connection_driver connection;
  transaction both;
  both.statements = {write("CALL a()"), write("CALL b()")}; // Not as a compound statement.
  both.options.level = isolation::serializable;
  CHECK_EQ(connection.give(1, both), "run SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
  CHECK_EQ(connection.ok(), "run START TRANSACTION");
  connection.server.in_transaction = true;
  CHECK_EQ(connection.ok(), "run SAVEPOINT `cenote transaction mark`");
  CHECK_EQ(connection.ok(), "run CALL a()");
  CHECK_EQ(connection.ok(), "run RELEASE SAVEPOINT `cenote transaction mark`");
  CHECK_EQ(connection.ok(), "run SAVEPOINT `cenote transaction mark`");
  CHECK_EQ(connection.ok(), "run CALL b()");
  CHECK_EQ(connection.fails(1213, "40001"), "run ROLLBACK");
  connection.server.in_transaction = false;
  CHECK_EQ(connection.ok(), "reset, answer 1: deadlock unknown");
  CHECK_EQ(connection.ok(), "report reusable (1)");
}

SCENARIO("a statement alone that leaves a transaction open has not succeeded") {
  connection_driver connection;
  connection.give(1, write("CALL begins()"));
  connection.server.in_transaction = true;
  CHECK_EQ(connection.ok(), "run ROLLBACK");
  connection.server.in_transaction = false;
  CHECK_EQ(connection.ok(), "reset, answer 1: transaction_ended unknown");
}

SCENARIO("the pool closes a connection: everything is answered") {
  connection_driver connection;
  connection.give(1, write("INSERT 1"));
  CHECK_EQ(connection.close(), "end, answer 1: connection_lost unknown");
  CHECK_EQ(connection.close(), "");
}

SCENARIO("a transaction whose mark could not be asked for behind a procedure may have been committed") {
  connection_driver connection;
  connection.give(1, all_or_nothing(write("CALL p()"), write("INSERT 1")));
  connection.server.in_transaction = true;
  CHECK_EQ(connection.ok(), "run SAVEPOINT `cenote transaction mark`");
  CHECK_EQ(connection.ok(), "run CALL p()");
  CHECK_EQ(connection.ok(), "run RELEASE SAVEPOINT `cenote transaction mark`");
  CHECK_EQ(connection.not_sent(), "answer 1: connection_lost_unsent unknown, end, report lost (1)");
}
