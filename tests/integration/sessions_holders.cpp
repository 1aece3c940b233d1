// A session belongs to its holder, and to nobody else.

#define CAF_SUITE sessions.holders

#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <caf/actor_registry.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <future>
#include <memory>
#include <optional>
#include <set>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

pool_settings rules() {
  auto result = rules_for(1);
  result.unclaimed_session_timeout = 300ms;
  return result;
}

struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules());
  session_user holder{system(), pool};
  session_user stranger{system(), pool};

  fixture() { must(admin(), write("CREATE TABLE things (id INT PRIMARY KEY)")); }

  size_t things() { return must(admin(), read("SELECT COUNT(*) FROM things"))[0].get<size_t>(0); }

  /// Sends all that can be sent for a session; what of it was not refused as for a session that never was.
  static std::string accepted(session_user& user, session_id id, const session_user& friend_of_his) {
    std::string out;
    auto refused = [&out](const std::string& step, auto&& came, session_id sent) {
      auto expected =
          "session " + std::to_string(static_cast<uint64_t>(sent)) + " has ended, or never was; check out another one";
      if (came.has_value())
        out += step + " succeeded; ";
      else if (came.error().code != errc::session_ended || came.error().outcome != outcome::rejected
               || came.error().text != expected)
        out += step + ": " + to_string(came.error()) + "; ";
    };
    refused("execute", user.run(id, write("INSERT INTO things VALUES (99)")), id);
    refused("begin", user.begin(id), id);
    refused("savepoint", user.savepoint(id, "s"), id);
    refused("rollback to", user.rollback(id, "s"), id);
    refused("commit", user.commit(id), id);
    refused("rollback", user.rollback(id), id);
    refused("evict", user.evict(id), id);
    refused("handover", user.hand_over(id, friend_of_his), id);
    if (!user.checkin(id)) // Is always fine, and does nothing here.
      out += "checkin failed; ";
    return out;
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("whoever is not the holder of a session is told what a session that never was would tell") {
  GIVEN("a session with an open transaction") {
    auto id = holder.checkout();
    REQUIRE(holder.begin(id).has_value());
    holder.must(id, write("INSERT INTO things VALUES (1)"));
    WHEN("another actor sends all commands with its true id, and with one that never was") {
      auto with_true_id = accepted(stranger, id, stranger);
      auto with_wrong_id = accepted(stranger, session_id{12345}, stranger);
      THEN("both are answered the same, nothing is done, and the holder goes on") {
        CHECK_EQ(with_true_id, "");
        CHECK_EQ(with_wrong_id, "");
        CHECK_EQ(things(), 0u);
        holder.must(id, write("INSERT INTO things VALUES (2)"));
        CHECK(holder.commit(id).has_value());
        CHECK_EQ(things(), 2u);
      }
    }
  }
}

SCENARIO("messages without a sender are nobody's") {
  GIVEN("a session with an open transaction") {
    auto id = holder.checkout();
    REQUIRE(holder.begin(id).has_value());
    holder.must(id, write("INSERT INTO things VALUES (1)"));
    WHEN("everything that could end it is sent anonymously") {
      caf::anon_send(pool, commit_atom_v, id);
      caf::anon_send(pool, rollback_atom_v, id);
      caf::anon_send(pool, handover_atom_v, id, stranger.handle());
      caf::anon_send(pool, evict_atom_v, id);
      caf::anon_send(pool, checkin_atom_v, id);
      THEN("nothing happens") {
        CHECK_EQ(holder.must(id, read("SELECT COUNT(*) FROM things"))[0].get<int>(0), 1);
        CHECK_EQ(things(), 0u);
        CHECK(holder.commit(id).has_value());
        CHECK_EQ(things(), 1u);
      }
    }
  }
}

SCENARIO("a retrier before the pool does not make its callers one") {
  GIVEN("a session that was checked out through a retrier") {
    auto retrier = spawn_retrier(system(), pool);
    session_user mine{system(), retrier};
    session_user other{system(), retrier};
    auto id = mine.checkout();
    REQUIRE(mine.begin(id).has_value());
    mine.must(id, write("INSERT INTO things VALUES (1)"));
    WHEN("another caller of the retrier, and the holder past the retrier, use it") {
      auto foreign = accepted(other, id, other);
      THEN("the other one is refused, and the holder is served") {
        CHECK_EQ(foreign, "");
        CHECK(mine.commit(id).has_value());
        CHECK_EQ(things(), 1u);
      }
    }
    mine.end();
    other.end();
  }
}

SCENARIO("a session that was checked out for another actor belongs to that one") {
  GIVEN("a session that one actor asked for on behalf of another") {
    session_id id{};
    caf::scoped_actor self{system()};
    self->request(pool, caf::infinite, checkout_atom_v, session_options{}, holder.handle())
        .receive([&id](session_id x) { id = x; }, [](const caf::error& error) { CAF_FAIL(describe(error)); });
    WHEN("both use it") {
      std::optional<failure> refused;
      self->request(pool, caf::infinite, commit_atom_v, id)
          .receive([] {}, [&refused](const caf::error& error) { refused = details(error); });
      auto came = holder.run(id, read("SELECT 1"));
      THEN("only the holder is served") {
        REQUIRE(refused);
        CHECK_EQ(refused->code, errc::session_ended);
        CHECK(came.has_value());
      }
    }
  }
}

SCENARIO("on another node, too, only the holder is served") {
  GIVEN("a session of a holder on another node, with an open transaction") {
    actor_fixture node;
    auto port = system().middleman().publish(pool, 0, "127.0.0.1");
    REQUIRE(port);
    auto proxy = node.system().middleman().remote_actor<pool_actor>("127.0.0.1", *port);
    REQUIRE(proxy);
    session_user mine{node.system(), *proxy};
    session_user other{node.system(), *proxy};
    auto id = mine.checkout();
    REQUIRE(mine.begin(id).has_value());
    mine.must(id, write("INSERT INTO things VALUES (1)"));
    WHEN("another actor of that node, and one at home, use it; then it is handed over to the one at home") {
      auto from_there = accepted(other, id, other);
      auto from_here = accepted(stranger, id, stranger);
      auto committed = mine.commit(id);
      // As if its handle had come to that node in a message of home.
      system().registry().put(stranger.handle()->id(), stranger.handle());
      auto given = mine.hand_over(id, stranger);
      system().registry().erase(stranger.handle()->id());
      THEN("first only the one, and then only the other holder is served") {
        CHECK_EQ(from_there, "");
        CHECK_EQ(from_here, "");
        CHECK(committed.has_value());
        CHECK_EQ(things(), 1u);
        CHECK(given.has_value());
        CHECK(!mine.run(id, read("SELECT 1")).has_value());
        CHECK(stranger.run(id, read("SELECT 1")).has_value());
      }
    }
  }
}

SCENARIO("a message that comes after the pool was replaced finds no session of that name") {
  GIVEN("an actor whose pool has ended, and the session of another one in the pool that took its place") {
    auto old = start_full_pool(server.settings(), rules());
    session_user late{system(), old};
    auto old_id = late.checkout();
    REQUIRE(drain(old, 0s).get().has_value());
    auto id = holder.checkout();
    REQUIRE(holder.begin(id).has_value());
    holder.must(id, write("INSERT INTO things VALUES (1)"));
    WHEN("it goes on in the new pool") {
      session_user same{system(), pool};
      auto foreign = accepted(same, old_id, same);
      THEN("nobody's transaction is touched") {
        CHECK_NE(old_id, id);
        CHECK_EQ(foreign, "");
        CHECK(holder.commit(id).has_value());
        CHECK_EQ(things(), 1u);
      }
    }
  }
}

SCENARIO("ids of sessions are never used again and cannot be counted up to") {
  GIVEN("a pool") {
    WHEN("many sessions come and go") {
      std::set<session_id> seen;
      uint64_t high = 0;
      for (auto i = 0; i < 200; ++i) {
        auto id = holder.checkout();
        seen.insert(id);
        high += static_cast<uint64_t>(id) >> 32 != 0 ? 1 : 0;
        REQUIRE(holder.checkin(id).has_value());
      }
      THEN("all are different, large, and none is zero") {
        CHECK_EQ(seen.size(), 200u);
        CHECK(high > 190);
        CHECK(!seen.contains(session_id{}));
      }
    }
  }
}

// -- handing over -----------------------------------------------------------------------

SCENARIO("a session that is handed over belongs to its new holder") {
  GIVEN("a session with an open transaction") {
    auto id = holder.checkout();
    REQUIRE(holder.begin(id).has_value());
    holder.must(id, write("INSERT INTO things VALUES (1)"));
    WHEN("it is given to another actor") {
      CHECK(holder.hand_over(id, stranger).has_value());
      auto former = accepted(holder, id, holder);
      THEN("the former holder is refused, and the new one goes on where it was") {
        CHECK_EQ(former, "");
        stranger.must(id, write("INSERT INTO things VALUES (2)"));
        CHECK(stranger.commit(id).has_value());
        CHECK_EQ(things(), 2u);
      }
    }
  }
}

SCENARIO("a session ends with its new holder, not with its former one") {
  GIVEN("a session that was handed over, with an open transaction") {
    auto id = holder.checkout();
    CHECK(holder.hand_over(id, stranger).has_value());
    CHECK(stranger.begin(id).has_value());
    stranger.must(id, write("INSERT INTO things VALUES (1)"));
    WHEN("the former holder ends, then the new one") {
      holder.end();
      auto after_former = stranger.run(id, read("SELECT COUNT(*) FROM things"));
      stranger.end();
      await_free(pool, 1);
      THEN("only the second rolls it back") {
        REQUIRE(after_former.has_value());
        CHECK_EQ((*after_former)[0].get<int>(0), 1);
        CHECK_EQ(things(), 0u);
      }
    }
  }
}

SCENARIO("a session that is handed to an actor that has ended, ends") {
  GIVEN("a session and an actor that has ended") {
    auto id = holder.checkout();
    session_user gone{system(), pool};
    gone.end();
    CHECK(eventually([&] {
      return caf::actor_cast<caf::abstract_actor*>(gone.handle())->getf(caf::abstract_actor::is_terminated_flag);
    }));
    WHEN("it is handed over") {
      auto came = holder.hand_over(id, gone);
      THEN("its connection comes back") {
        CHECK_EQ(await_free(pool, 1).checked_in, 1u);
        CHECK(!holder.run(id, read("SELECT 1")).has_value());
      }
    }
  }
}

SCENARIO("a session that has just ended cannot be handed over or evicted") {
  GIVEN("a session whose time is up while a server that does not answer runs its statement") {
    admin();
    session_options brief;
    brief.time_limit = 2s;
    auto id = holder.checkout(brief);
    auto running = holder.ask(id, read("SELECT SLEEP(60) /* held */"));
    await_running("%/* held */", 1);
    freeze();
    CHECK(!running.get().has_value()); // The pool will learn of the end only when the connection is settled.
    WHEN("its holder hands it over and evicts it") {
      auto given = holder.hand_over(id, stranger);
      auto evicted = holder.evict(id);
      thaw();
      THEN("neither is said to be done") {
        REQUIRE(!given.has_value());
        CHECK_EQ(given.error().code, errc::session_ended);
        REQUIRE(!evicted.has_value());
        CHECK_EQ(evicted.error().code, errc::session_ended);
      }
    }
  }
}

// -- evicting ---------------------------------------------------------------------------

SCENARIO("a connection that its holder evicts is closed at checkin and replaced") {
  GIVEN("a session") {
    auto id = holder.checkout();
    auto before = holder.must(id, which_session())[0].get<uint64_t>(0);
    WHEN("it is evicted, used once more, and checked in") {
      auto evicted = holder.evict(id);
      auto still = holder.must(id, which_session())[0].get<uint64_t>(0);
      CHECK(holder.checkin(id).has_value());
      auto after = must(pool, which_session())[0].get<uint64_t>(0);
      THEN("it serves until then, the next one gets another, and none counts as lost") {
        CHECK(evicted.has_value());
        CHECK_EQ(still, before);
        CHECK_NE(after, before);
        auto now = await_free(pool, 1);
        CHECK_EQ(now.lost, 0u);
        CHECK_EQ(now.connects, 2u);
        CHECK_EQ(now.generation, 0u);
        CHECK(eventually([&] { return sessions().size() == 1; }));
      }
    }
  }
}

SCENARIO("an evicted connection is closed however its session ends, and what is open is rolled back") {
  GIVEN("an evicted session with an open transaction") {
    auto id = holder.checkout();
    REQUIRE(holder.begin(id).has_value());
    holder.must(id, write("INSERT INTO things VALUES (1)"));
    REQUIRE(holder.evict(id).has_value());
    WHEN("its holder ends") {
      holder.end();
      must(pool, write("INSERT INTO things VALUES (1)")); // Waits for the other's lock if there is any.
      THEN("there is a new connection, and nothing of the transaction is left") {
        CHECK_EQ(status(pool).connects, 2u);
        CHECK_EQ(things(), 1u);
      }
    }
  }
}

// -- answers that nobody receives ---------------------------------------------------------

SCENARIO("a session whose answer comes too late ends by itself") {
  GIVEN("a pool of one whose connection is checked out, and an actor that asks for a session and gives up") {
    auto id = holder.checkout();
    holder.must(id, read("SELECT 1"));
    auto impatient = system().spawn([pool = pool](caf::event_based_actor* self) -> caf::behavior {
      self->request(pool, 50ms, checkout_atom_v, session_options{"impatient"})
          .then([](session_id) {}, [](caf::error&) {});
      return {[](int) {}}; // Lives on, without knowing that a session of it begins.
    });
    CHECK(eventually([&] { return status(pool).waiting == 1; }));
    caf::scoped_actor self{system()};
    auto over = std::chrono::steady_clock::now() + 100ms;
    CHECK(eventually([&] { return std::chrono::steady_clock::now() > over; }));
    WHEN("the connection comes free, and somebody else wants it") {
      CHECK(holder.checkin(id).has_value());
      auto came = run(pool, write("INSERT INTO things VALUES (1)").within(20s));
      THEN("the session that nobody knows of has ended") {
        CHECK(came.has_value());
        CHECK_EQ(things(), 1u);
      }
    }
    caf::anon_send_exit(impatient, caf::exit_reason::user_shutdown);
  }
}

SCENARIO("a session that was used once is not ended for want of use") {
  GIVEN("two kinds of first use") {
    session_options patient;
    patient.unclaimed_timeout = std::chrono::nanoseconds::max();
    WHEN("much more time passes than a session may go unused at first") {
      auto wait = [this] {
        auto over = std::chrono::steady_clock::now() + 700ms;
        CHECK(eventually([over] { return std::chrono::steady_clock::now() > over; }));
      };
      auto used = holder.checkout();
      holder.must(used, read("SELECT 1"));
      wait();
      auto still_there = holder.run(used, read("SELECT 1"));
      CHECK(holder.checkin(used).has_value());
      auto exempt = holder.checkout(patient);
      wait();
      auto unused = holder.run(exempt, read("SELECT 1"));
      CHECK(holder.checkin(exempt).has_value());
      auto idle = holder.checkout();
      wait();
      auto ended = holder.run(idle, read("SELECT 1"));
      THEN("the used one goes on, and so does the one that may; the other has ended") {
        CHECK(still_there.has_value());
        CHECK(unused.has_value());
        REQUIRE(!ended.has_value());
        CHECK_EQ(ended.error().code, errc::session_ended);
      }
    }
  }
}

SCENARIO("a session has to be used by the one that it was handed to") {
  GIVEN("a session that was used, and then handed to an actor that does not know of it") {
    auto id = holder.checkout();
    holder.must(id, read("SELECT 1"));
    REQUIRE(holder.hand_over(id, stranger).has_value());
    WHEN("somebody else wants the connection") {
      auto came = run(pool, read("SELECT 1").within(20s));
      THEN("the session has ended") {
        CHECK(came.has_value());
      }
    }
  }
}

// -- events -------------------------------------------------------------------------------

SCENARIO("subscribers are told of a session that is held for too long") {
  GIVEN("a pool that suspects leaks early, and a subscriber") {
    auto early = rules();
    early.leak_warning = 100ms;
    auto leaky = start_full_pool(server.settings(), early);
    auto found = std::make_shared<std::promise<pool_event>>();
    auto listener = system().spawn([found, leaky](caf::event_based_actor* self) -> caf::behavior {
      self->send(leaky, subscribe_atom_v);
      return {[found](const pool_events& x) {
        for (auto& event : x.events)
          if (event.kind == event_kind::leak_suspected)
            found->set_value(event);
      }};
    });
    session_user user{system(), leaky};
    session_options options;
    options.owner = "importer";
    auto id = user.checkout(options);
    user.must(id, read("SELECT 17"));
    WHEN("time passes") {
      auto came = found->get_future().get();
      THEN("the event names the session, its owner and its last statement") {
        CHECK(came.session == id);
        CHECK_EQ(came.owner, "importer");
        CHECK_EQ(came.detail, "SELECT 17");
        CHECK(came.elapsed >= 100ms);
        CHECK_NE(came.connection, 0u);
      }
    }
    caf::anon_send_exit(listener, caf::exit_reason::user_shutdown);
  }
}

SCENARIO("nobody makes a pool believe that a holder or a connection has ended") {
  GIVEN("a session with an open transaction") {
    auto id = holder.checkout();
    REQUIRE(holder.begin(id).has_value());
    WHEN("the pool gets forged reports of its holder's end, and a message that it does not know") {
      auto target = caf::actor_cast<caf::actor>(pool);
      caf::anon_send(target, caf::down_msg{holder.handle()->address(), caf::exit_reason::kill});
      caf::anon_send(target, std::string{"a secret"});
      caf::scoped_actor self{system()};
      auto refused = false;
      self->request(target, caf::infinite, std::string{"a secret"})
          .receive([](int) {}, [&refused](const caf::error& x) { refused = x == caf::sec::unexpected_message; });
      THEN("the session goes on") {
        CHECK(refused);
        CHECK(holder.run(id, write("INSERT INTO things VALUES (1)")).has_value());
        CHECK(holder.ask_commit(id).get().has_value());
        CHECK_EQ(things(), 1u);
      }
    }
    holder.checkin(id);
  }
}

END_FIXTURE_SCOPE()
