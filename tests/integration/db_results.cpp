#define CAF_SUITE db.results

#include "integration/db_support.hpp"
#include "support/server.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

db::connection connect(uint64_t max_result_bytes = 64u << 20) {
  auto target = shared_server().settings();
  target.max_result_bytes = max_result_bytes;
  return open(target);
}

/// A procedure with this body.
void create_procedure(db::connection& x, const std::string& body) {
  run(x, "CREATE OR REPLACE PROCEDURE p() BEGIN " + body + " END");
}

} // namespace

SCENARIO("a write tells its effects") {
  auto x = connect();
  run(x, "CREATE TEMPORARY TABLE e (id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, a TINYINT)");
  auto inserted = run(x, "INSERT INTO e (a) VALUES (1), (2), (3)");
  CHECK(inserted.empty());
  CHECK(inserted.columns().empty());
  CHECK_EQ(inserted.affected_rows(), 3u);
  CHECK_EQ(inserted.last_insert_id(), 1u);
  CHECK_EQ(inserted.warnings(), 0u);
  CHECK_EQ(run(x, "UPDATE e SET a = 2").affected_rows(), 2u); // Changed rows, not matched ones.
  CHECK_EQ(run(x, "DELETE FROM e WHERE a > 9").affected_rows(), 0u);
  CHECK_EQ(run(x, "INSERT INTO e VALUES (NULL, 1)").last_insert_id(), 4u);
  CHECK_EQ(run(x, "INSERT IGNORE INTO e (a) VALUES (1000)").warnings(), 1u);
  CHECK_EQ(run(x, "INSERT INTO e VALUES (18446744073709551614, 1)").last_insert_id(), 18'446'744'073'709'551'614u);
  auto selected = run(x, "SELECT a, 1/0 FROM e LIMIT 1");
  CHECK_EQ(selected.affected_rows(), 0u);
  CHECK_EQ(selected.last_insert_id(), 0u);
  CHECK_EQ(selected.warnings(), 1u);
}

SCENARIO("a query without rows tells its columns") {
  auto x = connect();
  auto rows = run(x, "SELECT 1 AS a, 'x' AS b FROM DUAL WHERE FALSE");
  CHECK_EQ(rows.size(), 0u);
  REQUIRE_EQ(rows.columns().size(), 2u);
  CHECK_EQ(rows.columns()[1].name, "b");
}

SCENARIO("a call gives back all results of the procedure") {
  auto x = connect();
  run(x, "CREATE OR REPLACE TABLE c (a INT)");
  create_procedure(x, "SELECT 1 AS a; SELECT seq AS b FROM seq_1_to_3; INSERT INTO c VALUES (1), (2); SELECT 'x' AS c "
                      "FROM DUAL WHERE FALSE; INSERT INTO c VALUES (3);");
  auto all = run(x, "CALL p()");
  CHECK_EQ(all[0].get<int>("a"), 1);
  REQUIRE_EQ(all.more().size(), 2u);
  CHECK_EQ(all.more()[0].size(), 3u);
  CHECK_EQ(all.more()[0][2].get<int>("b"), 3);
  CHECK_EQ(all.more()[1].size(), 0u);
  CHECK_EQ(all.more()[1].columns()[0].name, "c");
  CHECK_EQ(all.affected_rows(), 3u); // Of the call as a whole.
  CHECK_EQ(run(x, "SELECT 2 AS a")[0].get<int>("a"), 2);
}

SCENARIO("a call without results is a write") {
  auto x = connect();
  run(x, "CREATE OR REPLACE TABLE c (a INT)");
  create_procedure(x, "INSERT INTO c VALUES (1), (2);");
  auto done = run(x, "CALL p()");
  CHECK(done.columns().empty());
  CHECK(done.more().empty());
  CHECK_EQ(done.affected_rows(), 2u);
}

SCENARIO("a call that fails after some results is a failure, and the connection goes on") {
  auto x = connect();
  create_procedure(x, "SELECT 1; SELECT 2; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'on purpose';");
  auto error = fail(x, "CALL p()");
  CHECK_EQ(error.number, 1644u);
  CHECK_EQ(error.sqlstate, "45000");
  CHECK_EQ(error.text, "on purpose");
  CHECK(error.phase == db::phase::waiting);
  CHECK(x.usable());
  CHECK(x.alive());
  CHECK_EQ(run(x, "SELECT 3")[0].get<int>(0), 3);
}

SCENARIO("only one statement can be sent at a time") {
  auto x = connect();
  CHECK_EQ(fail(x, "SELECT 1; SELECT 2").number, 1064u);
  CHECK_EQ(run(x, "SELECT 3")[0].get<int>(0), 3);
}

SCENARIO("a large result comes whole, in several turns") {
  auto x = connect();
  auto now = x.start_execute(read("SELECT seq, REPEAT(CHAR(65 + seq % 26 USING utf8mb4), 1000) FROM seq_1_to_20000"));
  size_t turns = 0;
  while (now != db::progress::done) {
    ++turns;
    now = advance(x, now);
  }
  auto rows = x.take();
  REQUIRE(rows.has_value());
  REQUIRE_EQ(rows->size(), 20'000u);
  for (size_t i = 0; i < rows->size(); i += 777) {
    CHECK_EQ((*rows)[i].get<size_t>(0), i + 1);
    CHECK_EQ((*rows)[i].get<std::string>(1), std::string(1000, static_cast<char>('A' + (i + 1) % 26)));
  }
  CHECK_GT(turns, 50u); // 20 MB, at most 256 KiB in one turn.
}

SCENARIO("a single row larger than a packet of the protocol comes whole") {
  auto x = connect();
  run(x, "SET GLOBAL max_allowed_packet = 67108864");
  auto wide = connect(); // The setting counts for new sessions.
  auto rows = run(wide, "SELECT REPEAT('x', 40000000), 'end'");
  run(x, "SET GLOBAL max_allowed_packet = 16777216");
  CHECK_EQ(rows[0].get<std::string_view>(0).size(), 40'000'000u);
  CHECK_EQ(rows[0].get<std::string_view>(0).find_first_not_of('x'), std::string::npos);
  CHECK_EQ(rows[0].get<std::string_view>(1), "end");
}

SCENARIO("a result may be as large as the limit, and one byte more is an error") {
  // A row counts with its text and four bytes per cell.
  auto x = connect(10'000);
  CHECK_EQ(run(x, "SELECT REPEAT('x', 9996)").size(), 1u);
  CHECK(x.usable());
  auto error = fail(x, "SELECT REPEAT('x', 9997)");
  CHECK(error.source == db::error_source::result_too_large);
  CHECK(error.phase == db::phase::waiting);
  CHECK_EQ(error.number, 0u);
  CHECK(contains(error.text, "max-result-bytes"));
  CHECK(contains(error.text, "10000"));
  CHECK(!x.usable());
  CHECK(!x.alive());
}

SCENARIO("too many rows are an error long before all have come") {
  auto x = connect(1u << 20);
  auto error = fail(x, "SELECT REPEAT('x', 1000) FROM seq_1_to_100000000");
  CHECK(error.source == db::error_source::result_too_large);
  CHECK(!x.usable());
}

SCENARIO("a row that would not fit is an error before it has come") {
  auto x = connect(1u << 20);
  auto error = fail(x, "SELECT REPEAT('x', 15000000)");
  CHECK(error.source == db::error_source::result_too_large);
  CHECK(!x.usable());
}

SCENARIO("the results of a call count together") {
  auto control = connect();
  create_procedure(control,
                   "DECLARE i INT DEFAULT 0; WHILE i < 5000 DO SELECT REPEAT('x', 1000); SET i = i + 1; END WHILE;");
  auto x = connect(1u << 20);
  CHECK(fail(x, "CALL p()").source == db::error_source::result_too_large);
  CHECK(!x.usable());
  create_procedure(control,
                   "DECLARE i INT DEFAULT 0; WHILE i < 50000 DO SELECT 1 FROM DUAL WHERE FALSE; SET i = i + 1; "
                   "END WHILE;");
  auto y = connect(1u << 20);
  CHECK(fail(y, "CALL p()").source == db::error_source::result_too_large);
}

SCENARIO("what is left of one statement never shows in the next") {
  auto x = connect();
  run(x, "CREATE TEMPORARY TABLE n (a INT AUTO_INCREMENT PRIMARY KEY)");
  CHECK_EQ(run(x, "INSERT INTO n VALUES (), ()").affected_rows(), 2u);
  CHECK_EQ(fail(x, "SELECT nonsense").number, 1054u);
  auto rows = run(x, "SELECT 1 AS a");
  CHECK_EQ(rows.size(), 1u);
  CHECK_EQ(rows.affected_rows(), 0u);
  CHECK_EQ(rows.last_insert_id(), 0u);
  CHECK_EQ(fail(x, read("SELECT ?")).number, 0u);
  CHECK_EQ(run(x, "DO 1").affected_rows(), 0u);
  auto ping = finish(x, x.start_ping());
  REQUIRE(ping.has_value());
  CHECK(*ping == result{});
}
