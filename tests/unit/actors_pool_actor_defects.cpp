// Neither a strange answer nor an exception ends a pool.

#define CAF_SUITE actors.pool_actor_defects

#include "support/pool_under_test.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

result answer_of(std::vector<column> columns, const std::vector<std::optional<std::string>>& cells) {
  result_builder out;
  out.columns(std::move(columns));
  for (auto& x : cells)
    x ? out.add(*x) : out.add_null();
  return out.finish();
}

} // namespace

SCENARIO("a strange answer to the pool's own query is a failure, and the pool goes on") {
  const column text{"a", column_type::text};
  const column number{"b", column_type::integer};
  const result answers[] = {
      {},
      answer_of({text, number}, {}),
      answer_of({text}, {"11.4"}),
      answer_of({text, number, number}, {"11.4", "17", "1"}),
      answer_of({text, number}, {"11.4", "17", "11.4", "17"}),
      answer_of({text, number}, {"11.4", std::nullopt}),
      answer_of({text, number}, {std::nullopt, "17"}),
      answer_of({text, number}, {"11.4", "seventeen"}),
      answer_of({text, number}, {"11.4", "-1"}),
      answer_of({text, number}, {"11.4", "99999999999999999999"}),
  };
  for (auto& answer : answers) {
    pool_under_test x{still_rules(1), 1};
    auto verified = x.verify();
    x.connections.answer(1, answer);
    REQUIRE(verified->error);
    CHECK_EQ(verified->error->code, errc::connection_lost);
    auto later = x.execute(read("a"));
    x.connections.answer(1, one_cell("x"));
    CHECK(later->succeeded());
  }
}

SCENARIO("the types that the pool's own query comes with do not matter") {
  pool_under_test x{still_rules(1), 1};
  auto verified = x.verify();
  x.connections.answer(1, answer_of({{"a", column_type::bytes}, {"b", column_type::text}}, {"11.4", "17"}));
  REQUIRE(verified->value);
  CHECK_EQ(verified->value->server_version, "11.4");
  CHECK_EQ(verified->value->server_connection_id, 17u);
}

SCENARIO("a connect that cannot even be begun counts as one that failed") {
  GIVEN("a pool that has no memory for its first two connects") {
    pool_under_test x{still_rules(2), 1};
    x.connections.throw_at_open(2);
    WHEN("a connection dies, and time passes") {
      x.connections.die(1);
      auto waiting = x.execute(read("a"));
      x.pass(1s);
      x.connections.throw_at_open(0);
      x.pass(5s);
      x.heard();
      for (uint64_t id = 2; !waiting->arrived() && id < 20; ++id) {
        try {
          x.connections.succeed(id);
          x.connections.answer(id, one_cell("x"));
        } catch (const std::runtime_error&) {
          // That one was not begun, or serves nobody.
        }
      }
      THEN("it is tried again until it works") {
        CHECK(waiting->succeeded());
      }
    }
  }
}

SCENARIO("an exception in a handler is answered, and the pool goes on") {
  GIVEN("a pool with a free connection") {
    pool_under_test x{still_rules(1), 1};
    WHEN("a handler throws") {
      x.connections.throw_at_endpoint();
      auto asked = x.ask<pool_status>(x.pool, status_atom_v);
      auto later = x.execute(read("a"));
      x.connections.answer(1, one_cell("x"));
      THEN("who asked is told, and everybody else is served") {
        REQUIRE(asked->error);
        CHECK_EQ(asked->error->code, errc::internal);
        CHECK_EQ(asked->error->outcome, outcome::unknown);
        CHECK(later->succeeded());
        CHECK_EQ(x.status().endpoint, "scripted:3306/test");
      }
    }
  }
}
