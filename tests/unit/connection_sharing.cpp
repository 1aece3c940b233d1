#define CAF_SUITE connection.sharing

#include "support/connection_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

SCENARIO("statements that share a connection are answered in their order") {
  connection_driver connection;
  CHECK_EQ(connection.share(1, read("SELECT 1")), "send SELECT 1");
  CHECK_EQ(connection.share(2, read("SELECT 2")), "send SELECT 2");
  CHECK_EQ(connection.ok(), "answer 1: result, report reusable (1)");
  CHECK_EQ(connection.ok(), "answer 2: result, report reusable (1)");
}

SCENARIO("behind a slow statement reads are requeued, and idempotent writes are not") {
  connection_driver connection;
  connection.share(1, read("SELECT SLEEP(1)"));
  connection.share(2, read("SELECT 2"));
  connection.share(3, idempotent_write("UPDATE 3"));
  CHECK_EQ(connection.requeue_waiting(), "requeue 2");
  CHECK_EQ(connection.ok(), "answer 1: result, report reusable (1)");
  THEN("the result of the one that runs elsewhere is discarded") {
    CHECK_EQ(connection.ok(), "report reusable (0 + 1)");
    CHECK_EQ(connection.ok(), "answer 3: result, report reusable (1)");
  }
}

SCENARIO("a lost connection answers what was sent, and hands back what was not") {
  connection_driver connection;
  connection.share(1, read("SELECT 1"));
  connection.share(2, idempotent_write("UPDATE 2"));
  connection.share(3, read("SELECT 3"));
  connection.server.unsent = 1;
  CHECK_EQ(connection.lost(), "answer 1: connection_lost unknown, answer 2: connection_lost unknown, end, report lost "
                              "(2), return 3");
}

SCENARIO("a time limit stops the first statement, and those behind it go on") {
  connection_driver connection;
  connection.share(1, read("SELECT SLEEP(9)").within(1s));
  connection.share(2, read("SELECT 2"));
  CHECK_EQ(connection.wait(1s), "answer 1: statement_timeout unknown, stop");
  CHECK_EQ(connection.fails(1317, "70100"), "report reusable (1)");
  THEN("an answer that the stop has hit too late is asked for again") {
    CHECK_EQ(connection.fails(1317, "70100"), "");
    CHECK_EQ(connection.stop_confirmed(), "ping");
    CHECK_EQ(connection.ok(), "send SELECT 2");
    CHECK_EQ(connection.ok(), "answer 2: result, report reusable (1)");
  }
}

SCENARIO("a stop that has missed its target does not fail the statement behind it, although a second stop fails") {
  connection_driver connection;
  connection.share(1, read("SELECT SLEEP(9)").within(1s));
  connection.share(2, read("SELECT 2").within(1s));
  connection.share(3, read("SELECT 3"));
  CHECK_EQ(connection.wait(1s), "answer 1: statement_timeout unknown, answer 2: statement_timeout unknown, stop");
  CHECK_EQ(connection.ok(), "report reusable (1)");
  CHECK_EQ(connection.stop_confirmed(), "stop");
  CHECK_EQ(connection.ok(), "report reusable (1)");
  CHECK_EQ(connection.stop_failed(), "");
  CHECK_EQ(connection.fails(1317, "70100"), "send SELECT 3");
  THEN("one that was sent after both was interrupted by somebody else") {
    CHECK_EQ(connection.fails(1317, "70100"), "answer 3: interrupted rejected, report reusable (1)");
  }
}

SCENARIO("a statement whose prepared statement is gone is sent again, and nobody notices") {
  connection_driver connection;
  connection.share(1, read("SELECT 1"));
  connection.share(2, idempotent_write("UPDATE 2"));
  connection.share(3, read("SELECT 3"));
  CHECK_EQ(connection.not_prepared(), "send SELECT 1");
  CHECK_EQ(connection.ok(), "answer 2: result, report reusable (1)");
  CHECK_EQ(connection.ok(), "answer 3: result, report reusable (1)");
  CHECK_EQ(connection.ok(), "answer 1: result, report reusable (1)");
  THEN("one that is no longer waited for is not") {
    connection.share(4, read("SELECT 4").within(1s));
    CHECK_EQ(connection.wait(1s), "answer 4: statement_timeout unknown, stop");
    CHECK_EQ(connection.not_prepared(), "");
    CHECK_EQ(connection.stop_confirmed(), "ping");
    CHECK_EQ(connection.ok(), "report reusable (1)");
  }
}

SCENARIO("the pool is not told that a connection has nothing to do while it is busy with itself") {
  GIVEN("a connection that stops a statement while another one waits for it") {
    connection_driver connection;
    connection.share(1, read("SELECT SLEEP(9)").within(1s));
    CHECK_EQ(connection.wait(1s), "answer 1: statement_timeout unknown, stop");
    CHECK_EQ(connection.share(2, read("SELECT 2")), "");
    CHECK_EQ(connection.fails(1317, "70100"), "");
    WHEN("that one is requeued before the stop is confirmed") {
      CHECK_EQ(connection.requeue_waiting(), "requeue 2");
      THEN("it counts as having left when the connection is free") {
        CHECK_EQ(connection.stop_confirmed(), "ping");
        CHECK_EQ(connection.ok(), "report reusable (1 + 1)");
      }
    }
  }
}
