#define CAF_SUITE db.named_placeholders

#include "db/placeholders.hpp"

#include "integration/db_support.hpp"
#include "support/server.hpp"

#include <limits>
#include <optional>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

/// Replaces each named placeholder by its name in braces.
std::string braced(std::string_view sql, db::quoting mode = {}) {
  db::placeholder_finder finder{sql, mode, db::placeholders::named};
  std::string result;
  size_t copied = 0;
  for (auto pos = finder.next(); pos != db::placeholder_finder::npos; pos = finder.next()) {
    result.append(sql.substr(copied, pos - copied)).append("{").append(finder.name()).append("}");
    copied = pos + finder.size();
  }
  return result.append(sql.substr(copied));
}

/// A struct as users write it.
struct manga {
  uint32_t id = 0;
  std::string title;
  std::optional<double> score;
};

template <class Inspector>
bool inspect(Inspector& f, manga& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("title", x.title), f.field("score", x.score));
}

} // namespace

SCENARIO("a colon before a name is a named placeholder") {
  CHECK_EQ(braced(":a"), "{a}");
  CHECK_EQ(braced("SELECT :a, :b_2,:C$,(:a)"), "SELECT {a}, {b_2},{C$},({a})");
  CHECK_EQ(braced("a=:a AND b>:b"), "a={a} AND b>{b}");
  CHECK_EQ(braced("5-:a/:b"), "5-{a}/{b}");
  CHECK_EQ(braced(":\xC3\xA4=1"), "{\xC3\xA4}=1");
  CHECK_EQ(braced("/* */:a/* */"), "/* */{a}/* */");
  CHECK_EQ(braced("-- x\n:a-- y"), "-- x\n{a}-- y");
  CHECK_EQ(braced("@x:=:a"), "@x:={a}");
  CHECK_EQ(braced(":a.b"), "{a}.b");
  CHECK_EQ(braced("SELECT 1"), "SELECT 1");
}

SCENARIO("a colon that begins no name is no placeholder") {
  for (auto sql : {":", "SELECT :", ": a", ":1", ":'a'", "@x:=1", "@x := a", "a::b", "a::text", "::b", "12:30:00",
                   "1:a", "label:LOOP", "label: LOOP", "`label`:LOOP", "'a':b", "\"a\":b", "\xC3\xA4:b", ":,b"})
    CHECK_EQ(braced(sql), sql);
  CHECK_EQ(braced(":a:b"), "{a}:b");
  CHECK_EQ(braced("? :a ?"), "? {a} ?");
}

SCENARIO("a named placeholder in quotes or comments is text") {
  for (auto sql : {"':a'", "\":a\"", "`:a`", "'12:30:00'", "'it''s :a'", R"('\' :a')", R"("\" :a")", "'\" :a", "# :a",
                   "-- :a", "/* :a */", "/* ' */ ':a'", "'x :a", "/* :a"})
    CHECK_EQ(braced(sql), sql);
  CHECK_EQ(braced("':a', :a, \":a\", :b # :c\n:d"), "':a', {a}, \":a\", {b} # :c\n{d}");
  CHECK_EQ(braced("1--:a"), "1--{a}");
  CHECK_EQ(braced(R"('\', :a)", {false, false}), R"('\', {a})");
  CHECK_EQ(braced(R"("\", :a)", {false, false}), R"("\", {a})");
  CHECK_EQ(braced(R"("\", :a)", {true, true}), R"("\", {a})");
  CHECK_EQ(braced(R"('\', :a)", {true, true}), R"('\', :a)");
  CHECK_EQ(braced("/*! :a */ :b"), "/*! :a */ :b");
}

SCENARIO("structs are written and read back in every SQL mode") {
  const std::vector<manga> all{{1, "it's :id \\", 0.1}, {2, "\" ? `\n:title", std::nullopt}};
  for (const auto& mode : all_sql_modes) {
    MESSAGE("sql_mode = '" << mode << "'");
    auto x = open_with_mode(mode);
    run(x, "CREATE TEMPORARY TABLE named (id INT UNSIGNED, title TEXT, score DOUBLE, twice INT, clock TIME)");
    for (const auto& row : all)
      CHECK_EQ(run(x, write("INSERT INTO named VALUES (:id, :title,:score,:id*2, '12:30:00')", row)).affected_rows(),
               1u);
    auto rows = run(x, read("SELECT * FROM named ORDER BY id"));
    auto back = rows.as<manga>();
    REQUIRE_EQ(back.size(), 2u);
    for (size_t i = 0; i < back.size(); ++i) {
      CHECK_EQ(back[i].id, all[i].id);
      CHECK_EQ(back[i].title, all[i].title);
      CHECK(back[i].score == all[i].score);
      CHECK_EQ(rows[i].get<uint32_t>("twice"), 2 * all[i].id);
      CHECK(rows[i].get<cenote::time>("clock") == (cenote::time{false, 12, 30, 0, 0}));
    }
    // What the mode takes for text must stay text, and where it decides, nothing is sent.
    auto tricky = run(x, read(R"(SELECT ':id\\', :id, `:id\`, 'it'':id' FROM (SELECT 1 AS `:id\`) t)", all[0]));
    CHECK_EQ(tricky[0].get<std::string>(0), contains(mode, "NO_BACKSLASH") ? ":id\\\\" : ":id\\");
    CHECK_EQ(tricky[0].get<int>(1), 1);
    CHECK_EQ(tricky[0].get<std::string>(3), "it':id");
    CHECK(fail(x, read(R"(SELECT '\':id', :id)", all[0])).source == db::error_source::invalid_statement);
    if (contains(mode, "ANSI"))
      CHECK_EQ(run(x, read(R"(SELECT 1 AS ":id", :title)", all[0])).columns()[0].name, ":id");
    CHECK_EQ(run(x, read("SELECT @x:=:id, @y := @x, :title # :no\n", all[1]))[0].get<int>(0), 2);
  }
}

SCENARIO("a statement whose named placeholders do not match is refused before anything is sent") {
  auto x = open(shared_server().settings());
  const manga row{1, "one", std::numeric_limits<double>::infinity()};
  auto refused = [&x](const statement& query) {
    auto error = fail(x, query);
    CHECK(error.source == db::error_source::invalid_statement);
    CHECK(error.phase == db::phase::preparing);
    return error.text;
  };
  CHECK_EQ(refused(read("SELECT :id, :Title", row)),
           "the statement has a placeholder :Title but no parameter of that name: there are :id, :title, :score; upper "
           "and lower case count");
  CHECK_EQ(refused(read("SELECT ':id'", row)),
           "the statement uses none of its parameters: write :id, :title, :score outside of quotes");
  CHECK_EQ(refused(read("SELECT :id, ?", row)),
           "the statement has a placeholder ? but its parameters have names: write :id, :title, :score");
  CHECK_EQ(refused(read("SELECT :score", row)),
           "parameter :score is not a finite number: SQL has no NaN and no infinity, use NULL");
  CHECK(contains(refused(read("SELECT :id /*! + 1 */", row)), "executable comment"));
  auto damaged = read("SELECT :score", row);
  damaged.params.pop_back();
  CHECK_EQ(refused(damaged), "the statement has 3 names for 2 parameters: give one name for each");
  CHECK_EQ(run(x, read("SELECT :id", row))[0].get<int>(0), 1); // The score is bad, but not used.
  CHECK(x.usable());
}

SCENARIO("a named parameter never melts into what is beside it") {
  auto x = open(shared_server().settings());
  const manga row{5, "b", -1.0};
  CHECK_EQ(run(x, read("SELECT 5-:score", row))[0].get<double>(0), 6.0);
  CHECK_EQ(run(x, read("SELECT CONCAT(:title,:title)", row))[0].get<std::string>(0), "bb");
  CHECK_EQ(fail(x, read("SELECT @:title", row)).number, 1064u); // Not the variable @'b'.
  CHECK_EQ(fail(x, read("SELECT :title:id", row)).number, 1064u);
}
