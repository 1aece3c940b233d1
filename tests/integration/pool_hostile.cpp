// A pool outlives hostile servers, exceptions, and the limits of its process.

#define CAF_SUITE pool_server.hostile

#include "actors/canceller.hpp"
#include "actors/connection.hpp"
#include "actors/pool_actor.hpp"
#include "metrics/catalogue.hpp"
#include "support/hostile_server.hpp"
#include "support/pool_fixture.hpp"

#include <cstdlib>
#include <random>

#include <sys/resource.h>
#include <unistd.h>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

uint64_t first_seed() {
  auto text = std::getenv("CENOTE_TEST_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device{}();
}

transaction two_statements() {
  transaction result;
  result.statements.push_back(write("INSERT INTO t VALUES (?)", 1));
  result.statements.push_back(read("SELECT a, b FROM t"));
  return result;
}

/// Opens real connections, and lets a test reach their actors.
class open_connections : public connection_factory {
public:
  open_connections(caf::actor_system& sys, server_settings server, std::shared_ptr<std::vector<connection_actor>> out)
      : sys_{sys},
        server_{std::make_shared<const server_settings>(std::move(server))},
        io_thread_{io_thread::start(
            sys, metrics::seconds_counter(sys.metrics(), metrics::metric::io_thread_cpu, "hostile", {{"thread", "0"}}),
            guests::admitted)},
        canceller_{spawn_canceller(sys, server_)},
        opened_{std::move(out)} {
    // nop
  }

  ~open_connections() override { caf::anon_send_exit(canceller_, caf::exit_reason::user_shutdown); }

  size_t servers() const override { return 1; }
  std::string endpoint() const override { return server_->endpoint(); }

  void open(connection_id id, size_t, const internal_pool_actor& pool,
            const metrics::operation_metrics_ptr& measured) override {
    auto session = db::connection::open(*server_);
    if (!session)
      throw std::runtime_error{session.error().text};
    descriptor socket{session->socket()};
    opened result;
    result.server_connection_id = session->server_id();
    result.server_version = session->server_version();
    result.connection = spawn_connection(sys_, io_thread_, {id, pool, canceller_, server_, measured},
                                         std::move(*session), std::move(socket));
    opened_->push_back(result.connection);
    caf::anon_send(pool, opened_atom_v, id, std::move(result));
  }

private:
  caf::actor_system& sys_;
  std::shared_ptr<const server_settings> server_;
  io_thread_ptr io_thread_;
  canceller_actor canceller_;
  std::shared_ptr<std::vector<connection_actor>> opened_;
};

/// Sends a grant that no pool would send.
awaited<result> send_grant(caf::actor_system& sys, connection_actor connection, grant granted) {
  auto promise = std::make_shared<std::promise<answer<result>>>();
  awaited<result> out{promise->get_future()};
  sys.spawn([promise, connection = std::move(connection), granted = std::move(granted)](caf::event_based_actor* self) {
    self->request(connection, caf::infinite, execute_atom_v, granted, caf::strong_actor_ptr{})
        .then([promise](const result& x) { promise->set_value(x); },
              [promise](const caf::error& error) { promise->set_value(tl::unexpected{details(error)}); });
  });
  return out;
}

} // namespace

BEGIN_FIXTURE_SCOPE(actor_fixture)

SCENARIO("a pool answers everybody while its server damages replies, and serves when it has stopped that") {
  GIVEN("a pool of four connections to a hostile server") {
    hostile_server server;
    auto target = server.settings();
    target.connect_timeout = 2s;
    auto rules = rules_for(4);
    rules.timeout = 2s;
    rules.breaker_after = 0s;
    auto seed = first_seed();
    MESSAGE("CENOTE_TEST_SEED=" << seed);
    server.be_hostile(seed, 12);
    auto pool = start_pool(target, rules);
    WHEN("it is asked for all that it can do, four hundred times") {
      size_t failed = 0;
      size_t succeeded = 0;
      auto note = [&](const auto& x) { ++(x ? succeeded : failed); };
      for (auto i = 0; i < 100; ++i) {
        auto verified = ask_verify(pool);
        auto first = ask(pool, read("SELECT a, b, c FROM t"));
        auto second = ask(pool, two_statements());
        auto third = ask(pool, write("SELECT a, b, c FROM t"));
        note(verified.get());
        note(first.get());
        note(second.get());
        note(third.get());
      }
      server.be_hostile(0, 0);
      THEN("each is answered, and then the pool serves as if nothing had been") {
        MESSAGE(succeeded << " succeeded, " << failed << " failed");
        CHECK_EQ(succeeded + failed, 400u);
        CHECK(failed > 20);
        CHECK(eventually([&] { return run(pool, read("SELECT a, b, c FROM t")).has_value(); }));
        dispose(pool);
        for (auto i = 0; i < 20; ++i)
          CHECK_EQ(must(pool, read("SELECT a, b, c FROM t")).size(), 3u);
        CHECK(verify(pool).has_value());
      }
    }
  }
}

SCENARIO("an exception in a connection's handler costs that connection, and nobody waits for an answer") {
  GIVEN("a pool of one connection") {
    auto opened = std::make_shared<std::vector<connection_actor>>();
    pool_actor pool = spawn_pool_actor(
        system(), rules_for(1), std::make_unique<open_connections>(system(), shared_server().settings(), opened), 1);
    must(pool, read("SELECT 1"));
    REQUIRE_EQ(opened->size(), 1u);
    WHEN("it gets a request that is not what it claims to be") {
      grant nonsense;
      nonsense.request.work = two_statements();
      nonsense.request.shareable = true; // Only single statements are.
      auto asked = send_grant(system(), opened->front(), std::move(nonsense)).get();
      THEN("the request is answered, and the next one gets another connection") {
        REQUIRE(!asked);
        CHECK_EQ(asked.error().code, errc::internal);
        must(pool, read("SELECT 1"));
        CHECK_EQ(opened->size(), 2u);
      }
    }
    caf::anon_send_exit(pool, caf::exit_reason::user_shutdown);
  }
}

SCENARIO("a pool whose process has no descriptors left goes on with the connections that it has") {
  GIVEN("a pool with two open connections that wants to have six") {
    auto pool = start_full_pool(shared_server().settings(), rules_for(2, 4));
    rlimit before{};
    REQUIRE_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    // One more than none: then there is one for a connect, and none for the duplicate that the I/O thread needs.
    auto next = ::dup(0);
    ::close(next);
    auto tight = before;
    WHEN("callers wait while there is no descriptor, and while there is a single one") {
      size_t served = 0;
      for (auto spare : {0, 1, 2}) {
        tight.rlim_cur = static_cast<rlim_t>(next + spare);
        REQUIRE_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
        std::vector<awaited<result>> waiting;
        for (auto i = 0; i < 8; ++i)
          waiting.push_back(ask(pool, write("SELECT SLEEP(0.05)")));
        for (auto& x : waiting)
          served += x.get().has_value();
      }
      auto now = status(pool);
      REQUIRE_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
      THEN("all are served, and the status says what was missing") {
        CHECK_EQ(served, 24u);
        CHECK(now.last_error.find("Too many open files") != std::string::npos);
      }
    }
  }
}

SCENARIO("four connects to a server that drips fill no pool for longer than their time") {
  GIVEN("a pool of a hostile server whose first sessions are never answered") {
    auto target = shared_server().settings();
    target.connect_timeout = 1s;
    target.init_command = "DO SLEEP(30)";
    auto pool = start_pool(target, rules_for(8));
    WHEN("more than a second passes") {
      stopwatch since;
      auto now = await_status(pool, [](auto& x) { return !x.last_error.empty(); });
      THEN("the first connects have failed") {
        CHECK(since.elapsed() < 2s);
        CHECK(now.last_error.find("connect-timeout, 1 s") != std::string::npos);
      }
    }
  }
}

END_FIXTURE_SCOPE()
