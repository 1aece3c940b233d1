// A pool whose settings change while it runs.

#define CAF_SUITE pool_server.reconfiguring

#include "support/pool_fixture.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <caf/scoped_actor.hpp>
#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

settings all_of(const server_settings& server, const pool_settings& rules) {
  settings result;
  result.server = server;
  result.pool = rules;
  return result;
}

/// Threads that use a pool without a pause, half of them for sessions.
class load {
public:
  load(caf::actor_system& sys, const pool_actor& pool, size_t callers) {
    for (size_t i = 0; i < callers; ++i)
      threads_.emplace_back([this, &sys, pool, in_sessions = i % 2 == 1](const std::stop_token& end) {
        caf::scoped_actor self{sys};
        while (!end.stop_requested())
          if (in_sessions)
            use_session(self, pool);
          else
            call<result>(self, pool, execute_atom_v, write("DO 1"));
      });
  }

  size_t calls() const { return calls_; }
  size_t failed() const { return failed_; }

private:
  template <class T, class... Ts>
  std::optional<T> call(caf::scoped_actor& self, const pool_actor& pool, Ts... request) {
    std::optional<T> came;
    self->request(pool, caf::infinite, request...)
        .receive([&](T& x) { came = std::move(x); }, [this](const caf::error&) { ++failed_; });
    ++calls_;
    return came;
  }

  void use_session(caf::scoped_actor& self, const pool_actor& pool) {
    auto id = call<session_id>(self, pool, checkout_atom_v, session_options{});
    if (!id)
      return;
    call<result>(self, pool, execute_atom_v, *id, write("DO 1"));
    self->send(pool, checkin_atom_v, *id);
  }

  std::atomic<size_t> calls_ = 0;
  std::atomic<size_t> failed_ = 0;
  std::vector<std::jthread> threads_;
};

struct fixture : pool_fixture {
  answer<void> reconfigure(const pool_actor& pool, const settings& config) {
    caf::scoped_actor self{system()};
    answer<void> came;
    self->request(pool, caf::infinite, reconfigure_atom_v, settings_update{config})
        .receive([] {}, [&came](const caf::error& error) { came = tl::unexpected{details(error)}; });
    return came;
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("the password changes under load, and no call fails") {
  GIVEN("a pool of four that is in use") {
    auto user = plain_user("changing", "before");
    auto pool = start_full_pool(user, rules_for(4));
    std::optional<load> callers{std::in_place, system(), pool, 8};
    REQUIRE(eventually([&] { return callers->calls() > 500; }));
    auto before = sessions();
    WHEN("its user gets another password, and the pool is told some time later") {
      must(admin(), write("ALTER USER changing@'%' IDENTIFIED BY 'after'"));
      auto by_then = callers->calls();
      REQUIRE(eventually([&] { return callers->calls() > by_then + 500; }));
      user.password = secret{"after"};
      REQUIRE(reconfigure(pool, all_of(user, rules_for(4))).has_value());
      THEN("all connections are replaced, one after the other") {
        CHECK(eventually([&] { return status(pool).connects == 8 && status(pool).total_connections == 4; }));
        for (auto old : before)
          CHECK(eventually([&] {
            auto now = sessions();
            return std::find(now.begin(), now.end(), old) == now.end();
          }));
        auto failed = callers->failed();
        callers.reset();
        CHECK_EQ(failed, 0u);
        CHECK_EQ(status(pool).lost, 0u);
        CHECK_EQ(status(pool).timed_out + status(pool).refused, 0u);
      }
    }
  }
}

SCENARIO("a password that is not known yet ends nothing that works, and does not lead to a storm of logins") {
  GIVEN("a pool of three, whose user gets another password") {
    auto user = plain_user("behind", "before");
    auto pool = start_full_pool(user, rules_for(3));
    must(admin(), write("ALTER USER behind@'%' IDENTIFIED BY 'after'"));
    auto refused = counter("Aborted_connects");
    WHEN("one of its connections is lost while it is idle, so that the pool has to log in") {
      end_session(sessions().front());
      await_status(pool, [](auto& x) { return x.breaker != breaker_state::closed; });
      THEN("the others serve, and the login is tried some times only") {
        for (auto i = 0; i < 200; ++i)
          must(pool, read("SELECT 1"));
        CHECK_EQ(status(pool).total_connections, 2u);
        CHECK_LT(counter("Aborted_connects") - refused, 5u);
        user.password = secret{"after"};
        CHECK(reconfigure(pool, all_of(user, rules_for(3))).has_value());
        CHECK(eventually([&] { return status(pool).total_connections == 3 && status(pool).connects == 6; }));
        must(pool, read("SELECT 1"));
      }
    }
  }
}

SCENARIO("sizes change while the pool runs") {
  auto pool = start_full_pool(server.settings(), rules_for(2));
  REQUIRE(reconfigure(pool, all_of(server.settings(), rules_for(5))).has_value());
  CHECK_EQ(await_free(pool, 5).pool_size, 5u);
  REQUIRE(reconfigure(pool, all_of(server.settings(), rules_for(1))).has_value());
  CHECK_EQ(await_free(pool, 1).connects, 5u);
  must(pool, read("SELECT 1"));
}

SCENARIO("settings that cannot be used change nothing") {
  auto pool = start_full_pool(server.settings(), rules_for(2));
  auto is_refused = [&](const settings& config, const std::string& text) {
    auto came = reconfigure(pool, config);
    REQUIRE(!came.has_value());
    CHECK_EQ(came.error().code, errc::invalid_setting);
    CHECK_EQ(came.error().outcome, outcome::rejected);
    CHECK(came.error().text.find(text) != std::string::npos);
  };
  auto wanted = all_of(server.settings(), rules_for(3));
  auto bad = wanted;
  bad.pool.size = 0;
  is_refused(bad, "pool.size is 0, but must be");
  bad = wanted;
  bad.retry.max_delay = -1s;
  is_refused(bad, "retry.max-delay is -1s, but must be");
  bad = wanted;
  bad.pool.name = "another";
  is_refused(bad, "pool.name cannot change");
  bad = wanted;
  bad.pool.io_threads = 2;
  is_refused(bad, "pool.io-threads cannot change");
  bad = wanted;
  bad.pool.pipeline_depth = 2;
  is_refused(bad, "pool.pipeline-depth cannot change");
  bad = wanted;
  bad.server.port = 1;
  is_refused(bad, "the address of the server cannot change");
  CHECK_EQ(status(pool).pool_size, 2u);
  CHECK_EQ(status(pool).connects, 2u);
}

END_FIXTURE_SCOPE()
