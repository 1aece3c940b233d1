#define CAF_SUITE connection.sessions

#include "support/connection_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// A session with a transaction in which one row was inserted.
void begin_transaction(connection_driver& connection) {
  CHECK_EQ(connection.check_out(1), "answer 1: session");
  CHECK_EQ(connection.begin(2), "run START TRANSACTION");
  connection.server.in_transaction = true;
  CHECK_EQ(connection.ok(), "answer 2: done");
  CHECK_EQ(connection.execute(3, write("INSERT 1")), "run INSERT 1");
  CHECK_EQ(connection.ok(), "answer 3: result");
}

} // namespace

SCENARIO("a session does one thing after the other, and is reset when it is checked in") {
  connection_driver connection;
  begin_transaction(connection);
  CHECK_EQ(connection.commit(4), "run COMMIT");
  CHECK_EQ(connection.execute(5, write("INSERT 2")), "");
  connection.server.in_transaction = false;
  CHECK_EQ(connection.ok(), "run INSERT 2, answer 4: done");
  CHECK_EQ(connection.check_in(), "");
  CHECK_EQ(connection.ok(), "reset, answer 5: result");
  CHECK_EQ(connection.ok(), "report reusable (1)");
  CHECK_EQ(connection.execute(6, write("INSERT 3")), "answer 6: session_ended rejected");
}

SCENARIO("what comes late for a session that has lost its transaction is told so") {
  connection_driver connection;
  begin_transaction(connection);
  connection.execute(4, write("INSERT 2"));
  connection.execute(5, write("INSERT 3"));
  CHECK_EQ(connection.lost(), "answer 4: connection_lost rolled_back, end, answer 5: session_ended rolled_back, "
                              "report lost (1)");
  CHECK_EQ(connection.execute(6, write("INSERT 4")), "answer 6: session_ended rolled_back");
}

SCENARIO("a statement that is stopped in a transaction may have ended it: the server is asked") {
  GIVEN("a transaction in which a statement commits by itself, and is stopped after that") {
    connection_driver connection;
    begin_transaction(connection);
    connection.execute(4, write("ALTER TABLE t ADD x INT").within(1s));
    CHECK_EQ(connection.wait(1s), "answer 4: statement_timeout unknown, stop");
    CHECK_EQ(connection.fails(1317, "70100"), "");
    CHECK_EQ(connection.stop_confirmed(), "ping");
    WHEN("the ping is answered, which says nothing about the transaction") {
      CHECK_EQ(connection.ok(), "run DO 0");
      connection.server.in_transaction = false;
      CHECK_EQ(connection.ok(), "");
      THEN("the holder is told with what it asks for next") {
        CHECK_EQ(connection.execute(5, write("INSERT 2")), "answer 5: transaction_ended unknown");
        CHECK_EQ(connection.commit(6), "answer 6: transaction_ended unknown");
      }
    }
  }
  GIVEN("one that is done sooner than it can be stopped") {
    connection_driver connection;
    begin_transaction(connection);
    connection.execute(4, write("INSERT 2").within(1s));
    connection.wait(1s);
    CHECK_EQ(connection.ok(), "");
    CHECK_EQ(connection.stop_confirmed(), "ping");
    THEN("its answer has said that the transaction is open") {
      CHECK_EQ(connection.ok(), "");
      CHECK_EQ(connection.execute(5, write("INSERT 3")), "run INSERT 3");
    }
  }
}

SCENARIO("a connection that is lost before the server has said what a failure means for the transaction") {
  GIVEN("a statement that commits by itself, and has failed after that") {
    connection_driver connection;
    begin_transaction(connection);
    connection.execute(4, write("ALTER TABLE t ADD x INT"));
    CHECK_EQ(connection.fails(1060, "42S21"), "run DO 0");
    connection.execute(5, write("INSERT 2"));
    THEN("nobody is told that what came before was rolled back") {
      CHECK_EQ(connection.lost(),
               "answer 4: transaction_ended unknown, end, answer 5: session_ended unknown, report lost (1)");
    }
  }
  GIVEN("one that cannot commit") {
    connection_driver connection;
    begin_transaction(connection);
    connection.execute(4, write("INSERT 2"));
    CHECK_EQ(connection.fails(1064, "42000"), "run DO 0");
    THEN("it is rolled back with its connection") {
      CHECK_EQ(connection.lost(), "answer 4: transaction_ended rolled_back, end, report lost (1)");
    }
  }
}

SCENARIO("begin is no matter of autocommit") {
  connection_driver connection;
  connection.check_out(1);
  connection.execute(2, write("SET autocommit = 0"));
  connection.server.autocommit_off = true;
  connection.ok();
  CHECK_EQ(connection.begin(3), "run START TRANSACTION");
}

SCENARIO("a session that nobody claims ends") {
  connection_driver connection;
  lease terms;
  terms.id = session_id{7};
  terms.unclaimed_timeout = 10s;
  connection.give(1, terms);
  CHECK_EQ(connection.wait(10s), "unclaimed, report reusable (1)");
  CHECK_EQ(connection.execute(2, write("INSERT 1")), "answer 2: session_ended rejected");
}

SCENARIO("who holds a session for long is warned of, without what was secret in its statement") {
  connection_driver connection;
  connection.check_out(1);
  connection.execute(2, write("SET PASSWORD = PASSWORD('hush')"));
  connection.ok();
  connection.wait(31s);
  CHECK_EQ(connection.check_callers({}), "leak: SET ...");
  CHECK_EQ(connection.check_callers({}), "");
}

SCENARIO("the time limit of a session stops what it does") {
  connection_driver connection;
  session_options options;
  options.time_limit = 10s;
  connection.check_out(1, options);
  connection.execute(2, write("UPDATE 1"));
  CHECK_EQ(connection.wait(10s), "answer 2: session_ended unknown, stop");
  connection.fails(1317, "70100");
  CHECK_EQ(connection.stop_confirmed(), "ping");
  CHECK_EQ(connection.ok(), "reset");
  CHECK_EQ(connection.ok(), "report reusable (1)");
}

SCENARIO("a holder that sends without end is refused") {
  connection_driver connection;
  lease terms;
  terms.id = session_id{7};
  terms.max_waiting = 2;
  connection.give(1, terms);
  connection.execute(2, write("UPDATE 2"));
  connection.execute(3, write("UPDATE 3"));
  connection.execute(4, write("UPDATE 4"));
  CHECK_EQ(connection.execute(5, write("UPDATE 5")), "answer 5: queue_full unavailable");
}

SCENARIO("the server is told to end the session of a connection that the pool closes with a transaction open") {
  GIVEN("a holder that does nothing at the moment") {
    connection_driver connection;
    begin_transaction(connection);
    CHECK_EQ(connection.close(), "end");
  }
  GIVEN("a ping after a stop, which a network that is cut never answers") {
    connection_driver connection;
    begin_transaction(connection);
    connection.execute(4, write("INSERT 2").within(1s));
    CHECK_EQ(connection.wait(1s), "answer 4: statement_timeout unknown, stop");
    CHECK_EQ(connection.fails(1317, "70100"), "");
    CHECK_EQ(connection.stop_confirmed(), "ping");
    CHECK_EQ(connection.close(), "end");
  }
  GIVEN("nobody who uses it") {
    connection_driver connection;
    CHECK_EQ(connection.close(), "");
  }
}

SCENARIO("the server is told to end the session of a connection that is cut between two statements") {
  connection_driver connection;
  connection.check_out(1);
  connection.begin(2);
  connection.server.in_transaction = true;
  connection.ok();
  CHECK_EQ(connection.hangs_up(), "end, report lost (1)");
}
