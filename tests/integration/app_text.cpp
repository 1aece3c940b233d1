// How results are shown, and how parameters are read. No server.

#define CAF_SUITE app.text

#include "app/json.hpp"
#include "app/parameters.hpp"
#include "app/printable.hpp"
#include "app/table.hpp"

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::app;

namespace {

result one_row(std::vector<column> columns, const std::vector<std::optional<std::string>>& cells) {
  result_builder out;
  out.columns(std::move(columns));
  for (auto& cell : cells) {
    if (cell)
      out.add(*cell);
    else
      out.add_null();
  }
  return out.finish();
}

statement_kind kind_of(const std::string& sql) {
  return to_statement(sql, {}, parameter_reading::by_form).kind;
}

} // namespace

SCENARIO("text that could act on a terminal is escaped") {
  CHECK_EQ(printable("plain"), "plain");
  CHECK_EQ(printable("日本語 é"), "日本語 é");
  CHECK_EQ(printable("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  CHECK_EQ(printable("\x1b[31mred\x7f"), "\\x1b[31mred\\x7f");
  CHECK_EQ(printable(std::string_view{"nul\0nul", 7}), "nul\\x00nul");
  CHECK_EQ(printable("\xc2\x9b"), "\\u{9b}");                                 // a C1 control
  CHECK_EQ(printable("abc\u202edcba"), "abc\\u{202e}dcba");                   // right-to-left override
  CHECK_EQ(printable("\xff\xc3(\xed\xa0\x80"), "\\xff\\xc3(\\xed\\xa0\\x80"); // not UTF-8, a surrogate included
}

SCENARIO("the width of a text is that on the terminal") {
  CHECK_EQ(show("abc").width, 3u);
  CHECK_EQ(show("日本").width, 4u);
  CHECK_EQ(show("e\u0301").width, 1u); // e and a combining accent
  CHECK_EQ(show("\n").width, 2u);
  CHECK_EQ(show("").width, 0u);
}

SCENARIO("a text is cut to the columns that there are, and two dots say so") {
  struct {
    const char* text;
    size_t width;
    const char* shown;
  } rows[] = {{"", 0, ""},           {"a", 0, ""},        {"abc", 3, "abc"},
              {"abcd", 3, "a.."},    {"abcd", 1, "."},    {"日本", 4, "日本"},
              {"日本語", 5, "日.."}, {"日本語", 3, ".."}, {"e\u0301a", 2, "e\u0301a"},
              {"a\nb", 4, "a\\nb"},  {"a\nb", 3, "a.."},  {"\xff", 4, "\\xff"}};
  for (auto& x : rows) {
    auto out = show_within(x.text, x.width);
    CHECK_EQ(out.text, x.shown);
    CHECK_EQ(out.width, show(x.shown).width);
  }
  std::string marks = "a";
  for (int i = 0; i < 100'000; ++i)
    marks += "\u0301";
  CHECK_LT(show_within(marks, 10).text.size(), 200u);
}

SCENARIO("UTF-8 is told from other bytes") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("日本\n"));
  CHECK(!is_utf8("\xff"));
  CHECK(!is_utf8("\xe6\x97"));         // cut off
  CHECK(!is_utf8("\xc0\xaf"));         // overlong
  CHECK(!is_utf8("\xed\xa0\x80"));     // surrogate
  CHECK(!is_utf8("\xf4\x90\x80\x80")); // beyond Unicode
}

SCENARIO("a table aligns wide characters, numbers to the right, text to the left") {
  result_builder out;
  out.columns({{"id", column_type::integer}, {"title", column_type::text}, {"n", column_type::integer}});
  for (auto cell : {"7", "薬屋", "1", "30002", "abc", "22"})
    out.add(cell);
  CHECK_EQ(to_table(out.finish()), "    id | title |  n\n"
                                   "-------+-------+----\n"
                                   "     7 | 薬屋  |  1\n"
                                   " 30002 | abc   | 22\n"
                                   "(2 rows)\n");
}

SCENARIO("NULL, the text NULL and an empty text look different") {
  auto table = to_table(one_row({{"a", column_type::text}, {"b", column_type::text}, {"c", column_type::text}},
                                {std::nullopt, "NULL", ""}));
  CHECK_EQ(table, " a    | b      | c\n"
                  "------+--------+---\n"
                  " NULL | 'NULL' | \n"
                  "(1 row)\n");
}

SCENARIO("bytes are shown in hexadecimal") {
  auto table =
      to_table(one_row({{"b", column_type::bytes}, {"n", column_type::bit}}, {std::string{"\0\xff\n", 3}, "\5"}));
  CHECK_EQ(table, " b        | n\n"
                  "----------+------\n"
                  " 0x00FF0A | 0x05\n"
                  "(1 row)\n");
}

SCENARIO("a result without columns tells its effects") {
  result_builder out;
  CHECK_EQ(to_table(out.finish()), "OK, 0 rows affected\n");
  out.effects(1, 7, 2);
  CHECK_EQ(to_table(out.finish()), "OK, 1 row affected, last insert id 7, 2 warnings\n");
}

SCENARIO("further results follow the first") {
  result_builder out;
  out.columns({{"a", column_type::integer}});
  out.add("1");
  out.more(result{});
  CHECK_EQ(to_table(out.finish()), " a\n---\n 1\n(1 row)\n\nOK, 0 rows affected\n");
}

SCENARIO("JSON keeps every value") {
  std::vector<column> columns;
  for (auto type : {column_type::integer, column_type::unsigned_integer, column_type::real, column_type::decimal,
                    column_type::text, column_type::json, column_type::bytes, column_type::date, column_type::datetime,
                    column_type::time, column_type::null})
    columns.push_back({std::string{to_string(type)}, type});
  auto x = one_row(columns,
                   {"-9223372036854775808", "18446744073709551615", "0.1", "12.340", "a\"b\n日本", "{\"a\":1}",
                    std::string{"\0\xff", 2}, "2024-01-31", "2024-01-31 12:00:00.000001", "-838:59:59", std::nullopt});
  CHECK_EQ(to_json(x)["rows"].dump(), R"([[-9223372036854775808,18446744073709551615,0.1,"12.340","a\"b\n日本",)"
                                      R"("{\"a\":1}",{"base64":"AP8="},"2024-01-31","2024-01-31 12:00:00.000001",)"
                                      R"("-838:59:59",null]])");
}

SCENARIO("JSON has the documented keys, in the documented order") {
  result_builder out;
  out.columns({{"a", column_type::integer}, {"a", column_type::integer}});
  CHECK_EQ(dump(to_json(out.finish())), R"({"columns":["a","a"],"rows":[],"affected_rows":0,"last_insert_id":0})");
  out.effects(3, 9, 0);
  CHECK_EQ(dump(to_json(out.finish())), R"({"columns":[],"rows":[],"affected_rows":3,"last_insert_id":9})");
  out.more(result{});
  CHECK_EQ(to_json(out.finish())["more"].size(), 1u);
}

SCENARIO("text that is not UTF-8 becomes base64") {
  auto x = one_row({{"a", column_type::text}}, {"\xe9t\xe9"});
  CHECK_EQ(to_json(x)["rows"].dump(), R"([[{"base64":"6XTp"}]])");
}

SCENARIO("base64 pads to four characters") {
  CHECK_EQ(base64(""), "");
  CHECK_EQ(base64("f"), "Zg==");
  CHECK_EQ(base64("fo"), "Zm8=");
  CHECK_EQ(base64("foo"), "Zm9v");
  CHECK_EQ(base64("\xff\xff\xfe"), "///+");
}

SCENARIO("parameters are numbers only if the server would write them so") {
  CHECK(to_parameter("42") == value{int64_t{42}});
  CHECK(to_parameter("0") == value{int64_t{0}});
  CHECK(to_parameter("-9223372036854775808") == value{std::numeric_limits<int64_t>::min()});
  CHECK(to_parameter("18446744073709551615") == value{std::numeric_limits<uint64_t>::max()});
  CHECK(to_parameter("18446744073709551616") == value{decimal{"18446744073709551616"}});
  CHECK(to_parameter("-1.50") == value{decimal{"-1.50"}});
  CHECK(to_parameter("NULL") == value{null{}});
  for (auto text : {"", "007", "+1", "1e3", "1.", ".5", "-", "-0", "0x10", " 1", "1 ", "1,5", "null", "--", "00.5"})
    CHECK(to_parameter(text) == value{std::string{text}});
  auto long_number = std::string(66, '9');
  CHECK(to_parameter(long_number) == value{long_number});
  CHECK(to_statement("SELECT ?", {"NULL"}, parameter_reading::as_text).params.front() == value{std::string{"NULL"}});
}

SCENARIO("what a statement is told by its first word") {
  for (auto sql : {"SELECT 1", "select 1", " \n\t(SELECT 1)", "-- why\nSELECT 1", "# why\nSHOW TABLES",
                   "/* why */ DESCRIBE t", "DESC t", "EXPLAIN SELECT 1"})
    CHECK_EQ(kind_of(sql), statement_kind::read);
  for (auto sql : {"INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "SELECTED", "SHOWN", "WITH a AS (SELECT 1) DELETE",
                   "/*!99999 x */ SELECT 1", "/* SELECT", "-- SELECT", "--SELECT 1", "CALL p()", ""})
    CHECK_EQ(kind_of(sql), statement_kind::write);
}
