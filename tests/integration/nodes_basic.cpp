#define CAF_SUITE nodes.basic

#include "cenote/database.hpp"
#include "cenote/node.hpp"
#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

struct nodes_fixture : pool_fixture {
  published_pool publish(const pool_actor& pool, node_settings rules = {}) {
    if (rules.listen.empty())
      rules.listen = "127.0.0.1:0";
    return spawn_node(system(), pool, rules);
  }

  pool_actor reach(uint16_t port, remote_settings rules = {}) {
    rules.nodes = "127.0.0.1:" + std::to_string(port);
    return connect(system(), rules);
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(nodes_fixture)

SCENARIO("a remote pool runs statements, transactions and sessions") {
  GIVEN("a pool node and a client of it") {
    auto pool = start_pool(server.settings(), rules_for(3));
    auto node = publish(pool);
    auto remote = reach(node.port);
    WHEN("the client asks") {
      CHECK_EQ(must(remote, read("SELECT 41 + 1"))[0].get<int>(0), 42);
      auto both = run(remote, all_or_nothing(read("SELECT 1"), read("SELECT 2")));
      REQUIRE(both);
      CHECK_EQ(both->at(1)[0].get<int>(0), 2);
      session_user user{system(), remote};
      auto session = user.checkout();
      CHECK(user.begin(session));
      CHECK_EQ(user.must(session, read("SELECT 7"))[0].get<int>(0), 7);
      CHECK(user.ask_commit(session).get());
      CHECK(user.checkin(session));
      CHECK(verify(remote));
      CHECK_EQ(status(remote).pool_size, 3u);
      database db{system(), remote};
      CHECK_EQ(db.execute(read("SELECT 5"))[0].get<int>(0), 5);
      auto large = must(remote, read("SELECT REPEAT('x', 5000000)"));
      CHECK_EQ(large[0].text(0).size(), 5'000'000u);
      auto refused = run(remote, read("SELEC 1"));
      REQUIRE(!refused);
      CHECK_EQ(refused.error().code, errc::server_error);
      db.close();
    }
    caf::anon_send_exit(remote, caf::exit_reason::user_shutdown);
  }
}

END_FIXTURE_SCOPE()
