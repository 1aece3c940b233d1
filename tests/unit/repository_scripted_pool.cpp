// The scripted pool that users test their actors with.

#define CAF_SUITE repository.scripted_pool

#include "cenote/beside.hpp"
#include "cenote/error.hpp"
#include "cenote/pool.hpp"
#include "cenote/testing/scripted_pool.hpp"

#include <caf/event_based_actor.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using cenote::testing::scripted_pool;
using cenote::testing::table;

namespace {

struct all_types {
  int64_t a = -5;
  uint64_t b = 18'446'744'073'709'551'615u;
  double c = 0.1;
  bool d = true;
  std::string e = "äö";
  bytes f{std::string{"\0x", 2}};
  decimal g{"1.50"};
  date h{2024, 2, 29};
  datetime i{2024, 2, 29, 1, 2, 3, 4};
  cenote::time j{true, 838, 59, 59, 0};
  std::optional<int> k;
  bool operator==(const all_types&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, all_types& x) {
  return f.object(x).fields(f.field("a", x.a), f.field("b", x.b), f.field("c", x.c), f.field("d", x.d),
                            f.field("e", x.e), f.field("f", x.f), f.field("g", x.g), f.field("h", x.h),
                            f.field("i", x.i), f.field("j", x.j), f.field("k", x.k));
}

struct fixture : test_coordinator_fixture<> {
  template <class T, class Handle, class... Ts>
  std::variant<T, failure> ask(const Handle& whom, Ts... xs) {
    std::optional<std::variant<T, failure>> out;
    sys.spawn([&](caf::event_based_actor* caller) {
      caller->request(whom, caf::infinite, xs...)
          .then([&](const T& x) { out = x; }, [&](const caf::error& error) { out = details(error); });
    });
    run();
    return out.value();
  }

  template <class T>
  T of(std::variant<T, failure> x) {
    return std::get<T>(std::move(x));
  }

  scripted_pool pool{sys};
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("structs come back as they were put into the script") {
  GIVEN("structs with fields of each type") {
    all_types with_value;
    with_value.k = 9;
    std::vector<all_types> both{{}, with_value};
    WHEN("they are made rows and read") {
      auto back = cenote::testing::rows(both).as<all_types>();
      THEN("nothing has changed") {
        CHECK(back == both);
        CHECK(cenote::testing::rows<all_types>({}).as<all_types>().empty());
      }
    }
  }
}

SCENARIO("a table whose rows do not fit is refused") {
  GIVEN("rows with a value too few, and with two types in a column") {
    WHEN("tables are made of them") {
      THEN("that throws") {
        CHECK_THROWS_AS(table({"a", "b"}, {{1}}), std::invalid_argument);
        CHECK_THROWS_AS(table({"a"}, {{int64_t{1}}, {"x"}}), std::invalid_argument);
        CHECK_EQ(table({"a"}, {{null{}}, {int64_t{1}}}).size(), 2u);
      }
    }
  }
}

SCENARIO("statements are answered in the order of the script, wherever they come") {
  GIVEN("a script") {
    for (auto name : {"a", "b", "c", "d"})
      pool.answer(name, table({"name"}, {{name}}));
    WHEN("they come alone, in a transaction and in a session") {
      auto& whom = pool.handle();
      auto name = [](const result& x) { return x[0].get<std::string>(0); };
      auto a = of(ask<result>(whom, execute_atom_v, read("a")));
      auto bc = of(ask<std::vector<result>>(whom, transact_atom_v, all_or_nothing(read("b"), read("c"))));
      result d;
      std::optional<failure> stranger;
      sys.spawn([&](caf::event_based_actor* holder) {
        holder->request(whom, caf::infinite, checkout_atom_v, session_options{}).then([&, holder](session_id id) {
          stranger = std::get<failure>(ask<result>(whom, execute_atom_v, id, read("d", 5)));
          holder->request(whom, caf::infinite, execute_atom_v, id, read("d", 5)).then([&](const result& x) { d = x; });
        });
      });
      run();
      THEN("each gets its own answer, and all has been seen") {
        CHECK_EQ(name(a) + name(bc[0]) + name(bc[1]) + name(d), "abcd");
        REQUIRE_EQ(pool.seen().size(), 4u);
        CHECK(pool.seen()[3] == read("d", 5));
        REQUIRE(stranger);
        CHECK_EQ(stranger->code, errc::session_ended); // Only the holder may use a session.
        CHECK_EQ(pool.complaint(), "");
      }
    }
  }
}

SCENARIO("what is not in the script is refused and remembered") {
  GIVEN("a script that expects one statement") {
    pool.answer("SELECT 1");
    WHEN("another one comes, and then that one, and one more") {
      auto first = ask<result>(pool.handle(), execute_atom_v, read("SELECT 2"));
      auto complaint = pool.complaint();
      ask<result>(pool.handle(), execute_atom_v, read("SELECT 1"));
      ask<result>(pool.handle(), execute_atom_v, read("SELECT 3"));
      THEN("the first mistake is the complaint") {
        CHECK_EQ(complaint, "the script expected a statement with \"SELECT 1\", but got: SELECT 2");
        CHECK_EQ(std::get<failure>(first).text, complaint);
        CHECK_EQ(pool.complaint(), complaint);
      }
    }
  }
}

SCENARIO("what has not come is a complaint") {
  GIVEN("a script of one statement") {
    pool.answer("SELECT 1");
    WHEN("nothing comes") {
      THEN("that is said") {
        CHECK_EQ(pool.complaint(), "there has been no statement with \"SELECT 1\"");
      }
    }
  }
}

SCENARIO("a retrier works with a scripted pool") {
  GIVEN("a script in which a read fails once") {
    failure lost;
    lost.code = errc::connection_lost;
    lost.outcome = outcome::unknown;
    pool.fail("a", lost).answer("a", table({"x"}, {{int64_t{1}}}));
    auto retrier = spawn_retrier(sys, pool.handle());
    WHEN("it is asked through a retrier and the delay passes") {
      std::optional<int> got;
      sys.spawn([&](caf::event_based_actor* caller) {
        caller->request(retrier, caf::infinite, execute_atom_v, read("a")).then([&](const result& x) {
          got = x[0].get<int>(0);
        });
      });
      run();
      advance_time(std::chrono::seconds{1});
      run();
      THEN("the answer is that of the second attempt") {
        CHECK_EQ(got, 1);
        CHECK_EQ(pool.complaint(), "");
      }
    }
    caf::anon_send_exit(retrier, caf::exit_reason::user_shutdown);
  }
}

SCENARIO("an actor that is spawned beside a scripted pool runs on the scheduler, in virtual time") {
  GIVEN("a scripted pool, a retrier before it, and actors beside both") {
    pool.answer("SELECT 1", table({"x"}, {{int64_t{1}}})).answer("SELECT 1", table({"x"}, {{int64_t{2}}}));
    auto retrier = spawn_retrier(sys, pool.handle());
    auto passing_on = [](caf::event_based_actor* relay, const pool_actor& target) -> caf::behavior {
      return {[relay, target](execute_atom a) { return relay->delegate(target, a, read("SELECT 1")); }};
    };
    auto first = spawn_beside(pool.handle(), passing_on, pool.handle());
    auto second = spawn_beside(retrier, passing_on, retrier);
    WHEN("they are asked") {
      auto one = of(ask<result>(first, execute_atom_v));
      auto two = of(ask<result>(second, execute_atom_v));
      THEN("they answer when the test lets actors run") {
        CHECK_EQ(one[0].get<int>(0), 1);
        CHECK_EQ(two[0].get<int>(0), 2);
        CHECK_EQ(pool.complaint(), "");
      }
    }
    caf::anon_send_exit(retrier, caf::exit_reason::user_shutdown);
  }
}

END_FIXTURE_SCOPE()
