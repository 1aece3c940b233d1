// Which texts a connection prepares.

#define CAF_SUITE prepared.set

#include "db/prepared_set.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::db;
using namespace std::chrono_literals;

namespace {

/// A connection that prepares what is due, at a server that does as it is told.
struct model {
  prepared_set set;
  prepared_set::time_point now = prepared_set::time_point{} + 1h;
  uint32_t last_id = 0;
  std::vector<uint32_t> closed;
  std::string answer = "good"; ///< Of the server: `good`, `no`, `full`.

  explicit model(size_t max) : set{max} {
    // nop
  }

  /// How a statement is sent.
  std::string run(std::string_view sql, int times = 1) {
    for (; times > 1; --times)
      run(sql);
    auto text = set.use(sql);
    if (!text)
      return "as text only";
    if (text->is_prepared)
      return "prepared " + std::to_string(text->id);
    if (!set.is_due(*text, now))
      return "as text";
    if (answer == "full")
      set.pause(now);
    else if (answer == "no")
      set.refuse(*text);
    else if (auto replaced = set.add(*text, ++last_id))
      closed.push_back(*replaced);
    return "prepares, " + answer;
  }
};

constexpr auto first = static_cast<int>(prepared_set::first_uses);

} // namespace

SCENARIO("a text is prepared when it has been run a few times") {
  model x{2};
  for (auto i = 0; i < first; ++i)
    CHECK_EQ(x.run("SELECT 1"), "as text");
  CHECK_EQ(x.run("SELECT 1"), "prepares, good");
  CHECK_EQ(x.run("SELECT 1"), "prepared 1");
  CHECK_EQ(x.run("SELECT 2"), "as text");
  CHECK_EQ(x.set.size(), 1u);
}

SCENARIO("only statements that can be prepared are") {
  model x{2};
  for (auto sql : {"BEGIN", "SET @a = 1", "CALL p()", "SHOW TABLES", "CREATE TABLE t (a INT)", "DO 1",
                   "EXPLAIN SELECT 1", "/*! SELECT */ 1", "", "  ", "BEGIN NOT ATOMIC SELECT 1; END"})
    CHECK_EQ(x.run(sql, 100), "as text only");
  CHECK_EQ(x.run("SELECT '" + std::string(prepared_set::max_text, 'x') + "'", 100), "as text only");
  for (auto sql : {"select 1", "/* why */ (SELECT 1)", "-- why\nINSERT INTO t VALUES (1)", "UPDATE t SET a = 1",
                   "DELETE FROM t", "REPLACE INTO t VALUES (1)", "WITH a AS (SELECT 1) SELECT * FROM a"})
    CHECK_EQ(x.run(sql), "as text");
  model off{0};
  CHECK_EQ(off.run("SELECT 1", 100), "as text only");
}

SCENARIO("a text that is no longer used gives way to one that is, and one that is used does not") {
  model x{2};
  x.run("SELECT 1", first + 1);
  x.run("SELECT 2", first + 1);
  for (auto i = 0; i < 100; ++i) {
    CHECK_EQ(x.run("SELECT 1"), "prepared 1");
    CHECK_EQ(x.run("SELECT 2"), "prepared 2");
    CHECK_EQ(x.run("SELECT 3"), "as text");
  }
  CHECK(x.closed.empty());
  for (auto i = 0; i < 3 * first; ++i) {
    x.run("SELECT 2");
    x.run("SELECT 3");
  }
  CHECK((x.closed == std::vector<uint32_t>{1}));
  CHECK_EQ(x.run("SELECT 3"), "prepared 3");
  CHECK_EQ(x.run("SELECT 2"), "prepared 2");
  CHECK_EQ(x.run("SELECT 1"), "as text");
  CHECK_EQ(x.set.size(), 2u);
}

SCENARIO("texts that are seen once are forgotten, and do not drive out those that are used") {
  model x{2};
  x.run("SELECT 1", first + 1);
  for (auto i = 0; i < 1000; ++i)
    CHECK_EQ(x.run("SELECT " + std::to_string(100 + i)), "as text");
  CHECK_EQ(x.run("SELECT 1"), "prepared 1");
  CHECK_EQ(x.run("SELECT 100", first), "as text"); // It is counted anew.
}

SCENARIO("a text that the server refuses is tried again, more and more rarely") {
  model x{2};
  x.answer = "no";
  auto tries = 0;
  for (auto i = 0; i < 100'000; ++i)
    tries += x.run("SELECT 1") == "prepares, no";
  CHECK(tries > 20);
  CHECK(tries < 40);
  x.answer = "good";
  x.run("SELECT 1", static_cast<int>(prepared_set::max_uses) + 1);
  CHECK_EQ(x.run("SELECT 1"), "prepared 1");
}

SCENARIO("when the server has no room nothing is prepared for a while, and what is prepared stays") {
  model x{10};
  x.run("SELECT 1", first + 1);
  x.answer = "full";
  CHECK_EQ(x.run("SELECT 2", first + 1), "prepares, full");
  x.answer = "good";
  CHECK_EQ(x.run("SELECT 2", 1000), "as text");
  CHECK_EQ(x.run("SELECT 3", 1000), "as text");
  CHECK_EQ(x.run("SELECT 1"), "prepared 1");
  x.now += prepared_set::pause_when_full;
  CHECK_EQ(x.run("SELECT 2"), "prepares, good");
  CHECK_EQ(x.run("SELECT 3"), "prepares, good");
}

SCENARIO("after a reset texts are counted anew, for longer if preparing them has not paid") {
  model x{10};
  x.run("SELECT 1", first + 1);
  x.run("SELECT 1", static_cast<int>(prepared_set::worthwhile_uses));
  x.run("SELECT 2", first + 1);
  x.set.forget_all();
  CHECK_EQ(x.set.size(), 0u);
  CHECK_EQ(x.run("SELECT 1", first), "as text");
  CHECK_EQ(x.run("SELECT 1"), "prepares, good");
  CHECK_EQ(x.run("SELECT 2", 4 * first), "as text");
  CHECK_EQ(x.run("SELECT 2"), "prepares, good");
  CHECK(x.closed.empty());
}

SCENARIO("what is known of a text stays with those that still need it") {
  model x{1};
  x.run("SELECT 1", first + 1);
  auto text = x.set.use("SELECT 1");
  x.set.refuse(*text);
  for (auto i = 0; i < 1000; ++i)
    x.run("SELECT " + std::to_string(100 + i));
  CHECK_EQ(text->sql, "SELECT 1");
  CHECK(!text->is_prepared);
}
