#define CAF_SUITE connection.checks

#include "support/connection_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

SCENARIO("a ping before use is made for its request, which runs on the answer") {
  connection_driver connection;
  CHECK_EQ(connection.give(1, write("INSERT 1"), liveness_check::ping), "ping");
  CHECK_EQ(connection.ok(), "run INSERT 1");
}

SCENARIO("a ping before use that is not answered in time costs the connection, and not the request") {
  connection_driver connection;
  connection.give(1, write("INSERT 1"), liveness_check::ping);
  CHECK_EQ(connection.wait(5s), "return 1");
}

SCENARIO("a request in a hurry does not cost the pool a connection that is only slow") {
  GIVEN("a ping for a request that has to begin within 30 s by the pool's timeout, and comes late") {
    connection_driver connection;
    lease terms;
    terms.id = session_id{7};
    connection.give(1, write("INSERT 1"), liveness_check::ping);
    connection.wait(4s);
    WHEN("the server takes its time") {
      THEN("the connection goes on to be used") {
        CHECK_EQ(connection.ok(), "run INSERT 1");
      }
    }
  }
  GIVEN("one whose own time is up before the ping is answered") {
    connection_driver connection;
    connection.server.lacks_database = true;
    CHECK_EQ(connection.give(1, write("INSERT 1"), 10ms), "reset");
    CHECK_EQ(connection.wait(10ms), "answer 1: statement_timeout not_sent");
    connection.server.lacks_database = false;
    THEN("the connection is free when the answer has come") {
      CHECK_EQ(connection.ok(), "report reusable (1)");
    }
  }
}

SCENARIO("a shared statement waits for the ping that is made for it") {
  connection_driver connection;
  connection.server.lacks_database = true;
  CHECK_EQ(connection.share(1, read("SELECT 1")), "reset");
  CHECK_EQ(connection.share(2, read("SELECT 2")), "");
  connection.server.lacks_database = false;
  CHECK_EQ(connection.ok(), "send SELECT 1, send SELECT 2");
}
