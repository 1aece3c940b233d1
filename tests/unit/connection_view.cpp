// What operators see of a connection.

#define CAF_SUITE connection.view

#include "support/connection_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// The activity, what runs and for how long: `in_use: UPDATE 1, 200 ms`.
std::string seen(const connection_driver& connection) {
  auto x = connection.view();
  auto out = to_string(x.activity);
  if (!x.statement.empty())
    out += ": " + x.statement + ", " + std::to_string(x.running / 1ms) + " ms";
  return out;
}

} // namespace

SCENARIO("a connection shows what it runs and since when") {
  connection_driver connection;
  CHECK_EQ(seen(connection), "idle");
  connection.give(1, write("UPDATE 1"));
  connection.wait(200ms);
  CHECK_EQ(seen(connection), "in_use: UPDATE 1, 200 ms");
  connection.ok();
  CHECK_EQ(seen(connection), "idle");
}

SCENARIO("of statements that share it, it shows the one whose turn it is, and since when it is") {
  connection_driver connection;
  connection.share(1, read("SELECT 1"));
  connection.share(2, read("SELECT 2"));
  connection.wait(200ms);
  CHECK_EQ(seen(connection), "shared: SELECT 1, 200 ms");
  connection.ok();
  connection.wait(100ms);
  CHECK_EQ(seen(connection), "shared: SELECT 2, 100 ms");
}

SCENARIO("pings, stops and resets are shown as that") {
  connection_driver connection;
  connection.ping();
  CHECK_EQ(seen(connection), "checking");
  connection.ok();
  connection.give(1, write("UPDATE 1"), 1s);
  connection.wait(1s);
  CHECK_EQ(seen(connection), "stopping");
  connection.fails(1317, "70100");
  connection.stop_confirmed();
  CHECK_EQ(seen(connection), "checking");
  connection.ok();
  connection.check_out(2);
  connection.execute(3, write("SET @a = 1"));
  connection.ok();
  connection.check_in();
  CHECK_EQ(seen(connection), "resetting");
  connection.hangs_up();
  connection.close();
  CHECK_EQ(seen(connection), "closing");
}

SCENARIO("a session shows its last statement and its transaction, and no secret") {
  connection_driver connection;
  connection.check_out(1);
  CHECK_EQ(seen(connection), "session");
  CHECK_EQ(connection.view().last_statement, "");
  connection.begin(2);
  connection.server.in_transaction = true;
  connection.ok();
  connection.execute(3, write("CREATE USER u IDENTIFIED BY 'secret'"));
  CHECK_EQ(seen(connection), "session: CREATE ..., 0 ms");
  connection.ok();
  CHECK_EQ(seen(connection), "session");
  CHECK_EQ(connection.view().last_statement, "CREATE ...");
  CHECK(connection.view().in_transaction);
}

SCENARIO("of a transaction in one message the first statement is shown, of a long statement the beginning") {
  connection_driver connection;
  connection.give(1, all_or_nothing(write("UPDATE 1"), write("UPDATE 2")));
  CHECK_EQ(connection.view().statement, "START TRANSACTION; UPDATE 1; ...");
  connection_driver other;
  other.give(1, write("SELECT '" + std::string(2000, 'x') + "'"));
  CHECK_EQ(other.view().statement, "SELECT '" + std::string(1024 - 8, 'x') + "...");
}

SCENARIO("an operator ends a session, whatever it does") {
  GIVEN("one that runs something") {
    connection_driver connection;
    connection.check_out(1);
    connection.begin(2);
    connection.server.in_transaction = true;
    connection.ok();
    connection.execute(3, write("INSERT 1"));
    connection.execute(4, write("INSERT 2"));
    CHECK_EQ(connection.kill(), "answer 4: session_ended rolled_back, answer 3: session_ended rolled_back, stop");
    THEN("its connection is used again, and who held it is told") {
      CHECK_EQ(connection.execute(5, write("INSERT 3")), "answer 5: session_ended rolled_back");
      connection.fails(1317, "70100");
      CHECK_EQ(connection.stop_confirmed(), "ping");
      CHECK_EQ(connection.ok(), "reset");
      CHECK_EQ(connection.ok(), "report reusable (1)");
    }
  }
  GIVEN("one that does nothing") {
    connection_driver connection;
    connection.check_out(1);
    CHECK_EQ(connection.kill(), "report reusable (1)");
    CHECK_EQ(connection.kill(), "refused");
  }
}
