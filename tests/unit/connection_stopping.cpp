#define CAF_SUITE connection.stopping

#include "support/connection_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

SCENARIO("a statement that takes too long is answered at once, stopped, and the connection used again") {
  connection_driver connection;
  connection.give(1, write("UPDATE 1").within(1s), 1s);
  CHECK_EQ(connection.wait(1s), "answer 1: statement_timeout unknown, stop");
  THEN("only when it is over and the stop is confirmed, and behind a ping that takes a late stop") {
    CHECK_EQ(connection.fails(1317, "70100"), "");
    CHECK_EQ(connection.stop_confirmed(), "ping");
    CHECK_EQ(connection.ok(), "report reusable (1)");
  }
}

SCENARIO("a stop that cannot be made costs the connection, unless the statement is over") {
  GIVEN("a statement that goes on") {
    connection_driver connection;
    connection.give(1, write("UPDATE 1"), 1s);
    connection.wait(1s);
    CHECK_EQ(connection.stop_failed(), "end, report broken (1)");
  }
  GIVEN("one that has ended") {
    connection_driver connection;
    connection.give(1, write("UPDATE 1"), 1s);
    connection.wait(1s);
    connection.ok();
    CHECK_EQ(connection.stop_failed(), "ping");
  }
}

SCENARIO("a stop whose answer is lost costs the connection, whatever was to be stopped: it may come late") {
  GIVEN("a statement that has ended") {
    connection_driver connection;
    connection.give(1, write("UPDATE 1"), 1s);
    connection.wait(1s);
    connection.ok();
    CHECK_EQ(connection.stop_unanswered(), "end, report broken (1)");
  }
  GIVEN("a superseded read, with another behind it") {
    connection_driver connection;
    connection.share(1, read("SELECT SLEEP(1)"));
    connection.share(2, read("SELECT SLEEP(2)"));
    connection.requeue_waiting();
    connection.ok();
    connection.wait(1s);
    CHECK_EQ(connection.share(3, read("SELECT 3")), "");
    CHECK_EQ(connection.stop_unanswered(), "end, report broken (0 + 1), return 3");
  }
}

SCENARIO("a statement that does not end although it was stopped costs the connection") {
  connection_driver connection;
  connection.give(1, write("UPDATE 1"), 1s);
  connection.wait(1s);
  connection.stop_confirmed();
  CHECK_EQ(connection.wait(5s), "end, report broken (1)");
}

SCENARIO("the statement of a caller that has ended is stopped") {
  connection_driver connection;
  connection.give(1, write("UPDATE 1"));
  CHECK_EQ(connection.check_callers({}), "");
  CHECK_EQ(connection.check_callers({ticket{1}}), "answer 1: interrupted unknown, stop");
}

SCENARIO("a superseded read that cannot be stopped may go on") {
  connection_driver connection;
  connection.share(1, read("SELECT SLEEP(1)"));
  connection.share(2, read("SELECT SLEEP(2)"));
  connection.requeue_waiting();
  connection.ok();
  CHECK_EQ(connection.wait(1s), "stop");
  CHECK_EQ(connection.stop_failed(), "");
  CHECK_EQ(connection.share(3, read("SELECT 3")), "send SELECT 3");
}
