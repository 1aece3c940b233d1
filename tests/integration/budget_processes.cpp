// Processes that may have nine connections together: `cenote serve`, each with a client that keeps it busy.

#define CAF_SUITE budget_server.processes

#include "integration/app_http_client.hpp"
#include "integration/app_program.hpp"
#include "integration/budget_support.hpp"
#include "support/callers.hpp"
#include "support/session_user.hpp"

#include "cenote/node.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <csignal>
#include <functional>
#include <set>
#include <stdexcept>
#include <utility>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

/// Long enough for some rounds that wait for a lock in vain, for 1 s each.
constexpr auto lease_time = 4s;

/// `cenote serve` with the budget, and a client of it.
class service {
public:
  service(budget_fixture& world, const std::string& name)
      : process{{"cenote", "serve", "--pool-name=" + name, "--pool-size=6", "--pool-min-size=1",
                 "--pool-max-overflow=0", "--pool-idle-timeout=100ms",
                 "--budget-connections=" + std::to_string(budget_fixture::budget),
                 "--budget-lease=" + std::to_string(lease_time.count()) + "s", "--node-listen=127.0.0.1:0",
                 "--log-status-interval=0"},
                serve_environment("mysql://" + world.account().user
                                  + ":secret@127.0.0.1:" + std::to_string(world.account().port) + "/cenote")} {
    const std::string intro = "the pool is published at ";
    if (!process.logs(intro) || !process.logs("ready: "))
      throw std::runtime_error{name + " does not start:\n" + process.logged()};
    auto log = process.logged();
    auto begin = log.find(intro) + intro.size();
    remote_settings nodes;
    nodes.nodes = log.substr(begin, log.find(',', begin) - begin);
    nodes.timeout = 5s;
    pool = connect(world.system(), nodes);
  }

  service(const service&) = delete;
  service& operator=(const service&) = delete;
  ~service() { caf::anon_send_exit(pool, caf::exit_reason::user_shutdown); }

  program process;
  pool_actor pool;
};

struct fixture : budget_fixture {
  /// The table exists, and everybody has had time to write into it. The account's rights can be taken away one by one.
  fixture() {
    for (auto sql : {"CREATE TABLE cenote_node (id VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY "
                     "KEY, pool VARCHAR(100), process VARCHAR(100), budget INT UNSIGNED NOT NULL, granted INT UNSIGNED "
                     "NOT NULL, held INT UNSIGNED NOT NULL, wanted INT UNSIGNED NOT NULL, expires DATETIME(6) NOT "
                     "NULL) ENGINE=InnoDB",
                     "INSERT INTO cenote_node VALUES ('', NULL, NULL, 0, 0, 0, 0, UTC_TIMESTAMP(6))",
                     "REVOKE ALL PRIVILEGES ON cenote.* FROM 'shared'@'%'",
                     "GRANT SELECT, INSERT, UPDATE, DELETE ON cenote.cenote_node TO 'shared'@'%'"})
      must(admin(), write(sql));
  }

  /// Waits until the service has this share, and all the connections for callers that it permits.
  void await_share(const service& of, uint64_t share) {
    await_status(of.pool, [share](auto& now) { return now.share == share && now.total_connections + 1 == share; });
  }

  /// Has it stop a statement, for which it opens the connection that its share includes.
  void stop_a_statement(const service& of) {
    auto stopped = run(of.pool, write("SELECT SLEEP(10)").within(200ms));
    REQUIRE(!stopped);
    CHECK_EQ(stopped.error().code, errc::statement_timeout);
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("the share of a process that is killed goes to the other one when its lease has ended") {
  GIVEN("two busy processes with a budget of nine") {
    service a{*this, "a"};
    service b{*this, "b"};
    stop_a_statement(a);
    stop_a_statement(b);
    callers of_a{system(), a.pool, 30, busy_for_a_while};
    callers of_b{system(), b.pool, 30, busy_for_a_while};
    await_share(a, 4);
    await_share(b, 4);
    CHECK(eventually([this] { return count() == 8; }));
    auto http = port_of(a.process);
    CHECK(within(20s, [http] {
      auto status = cenote::test::ask(http, "GET /status").body;
      return contains(status, "\"budget\":9") && contains(status, "\"share\":4");
    }));
    auto metrics = cenote::test::ask(http, "GET /metrics").body;
    CHECK(contains(metrics, "\ncenote_budget_connections{db_client_connection_pool_name=\"a\"} 9"));
    CHECK(contains(metrics, "\ncenote_budget_share{db_client_connection_pool_name=\"a\"} 4"));
    WHEN("one of them is killed") {
      b.process.signal(SIGKILL);
      stopwatch watch;
      b.process.wait();
      auto left = number("SELECT GREATEST(0, TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), expires)) FROM cenote_node "
                         "WHERE pool = 'b'");
      auto lease_over = [this] {
        return number("SELECT COUNT(*) FROM cenote_node WHERE pool = 'b' AND expires > UTC_TIMESTAMP(6)") == 0;
      };
      auto early = false;
      await_status(a.pool, [&](auto& now) {
        early = early || (now.share > 4 && !lease_over());
        return now.share == 7 && now.total_connections == 6;
      });
      MESSAGE("served after " << watch.elapsed() << ", " << left / 1000 << " ms of its lease were left");
      THEN("the other one gets what it needs, not before that, and there were never more than nine") {
        CHECK(!early);
        CHECK_LT(watch.elapsed(), lease_time + 5s); // A noisy machine: it takes a third of a lease at most.
        CHECK_EQ(number("SELECT COUNT(*) FROM cenote_node WHERE pool = 'b'"), 0u);
        CHECK_GE(highest(), 8u);
        CHECK_LE(highest(), budget);
        for (auto& each : of_a.stop())
          if (each.error)
            CHECK_EQ(to_string(*each.error), "");
      }
    }
  }
}

SCENARIO("processes that cannot use the table keep what they have, take no more, and agree again later") {
  struct {
    const char* title;
    std::function<void(session_user&, session_id)> begin, end;
  } rows[] = {
      {"its rows are locked",
       [](session_user& keeper, session_id session) {
         if (!keeper.begin(session))
           throw std::runtime_error{"no transaction"};
         keeper.must(session, read("SELECT * FROM cenote_node FOR UPDATE"));
       },
       [](session_user& keeper, session_id session) { keeper.rollback(session); }},
      {"a right to it is revoked",
       [](session_user& keeper, session_id session) {
         keeper.must(session, write("REVOKE UPDATE ON cenote.cenote_node FROM 'shared'@'%'"));
       },
       [](session_user& keeper, session_id session) {
         keeper.must(session, write("GRANT UPDATE ON cenote.cenote_node TO 'shared'@'%'"));
       }},
  };
  auto other_admin = start_pool(server.settings(), rules_for(1));
  session_user keeper{system(), other_admin};
  auto session = keeper.checkout();
  for (auto& x : rows) {
    MESSAGE(x.title);
    service a{*this, "a"};
    service b{*this, "b"};
    stop_a_statement(a);
    stop_a_statement(b);
    callers of_a{system(), a.pool, 30, busy_for_a_while};
    await_share(a, 6);
    await_share(b, 2);
    x.begin(keeper, session);
    callers of_b{system(), b.pool, 30, busy_for_a_while};
    std::set<std::pair<uint64_t, uint64_t>> seen_a, seen_b; // Shares, and connections.
    for (stopwatch watch; watch.elapsed() < lease_time * 5 / 2;)
      for (auto& [of, seen] : {std::pair{&a, &seen_a}, std::pair{&b, &seen_b}}) {
        auto now = status(of->pool);
        seen->emplace(now.share, now.total_connections);
      }
    CHECK_EQ(seen_a, (std::set<std::pair<uint64_t, uint64_t>>{{6, 5}}));
    CHECK_EQ(seen_b, (std::set<std::pair<uint64_t, uint64_t>>{{2, 1}}));
    CHECK(a.process.logs("cannot use the table of the budget"));
    x.end(keeper, session);
    await_share(a, 4);
    await_share(b, 4);
    for (auto load : {&of_a, &of_b})
      for (auto& each : load->stop())
        if (each.error)
          CHECK_EQ(to_string(*each.error), "");
    CHECK_GE(highest(), 8u);
    CHECK_LE(highest(), budget);
    for (auto each : {&a, &b}) {
      each->process.signal(SIGTERM);
      CHECK_EQ(each->process.wait().code, 0);
    }
  }
}

END_FIXTURE_SCOPE()
