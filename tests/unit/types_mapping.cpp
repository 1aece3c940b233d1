#define CAF_SUITE types.mapping

#include "cenote/result.hpp"
#include "cenote/statement.hpp"

#include "cenote/type_ids.hpp"
#include "unit/types_mapping.hpp"

#include <algorithm>

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/byte_buffer.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

/// Types of one value are parameters of their own; structs of fields are named parameters and rows.
template <class T>
constexpr bool is_struct =
    (detail::struct_with_fields<T, detail::parameter_writer> && detail::struct_with_fields<T, detail::row_reader>);

static_assert(is_struct<manga> && is_struct<everything> && is_struct<picky>);
static_assert(!is_struct<std::string> && !is_struct<std::string_view> && !is_struct<int> && !is_struct<bool>);
static_assert(!is_struct<value> && !is_struct<null> && !is_struct<bytes> && !is_struct<decimal> && !is_struct<date>);
static_assert(!is_struct<datetime> && !is_struct<cenote::time> && !is_struct<std::optional<manga>>);
static_assert(!is_struct<state> && !is_struct<std::vector<int>> && !is_struct<std::nullopt_t>);

} // namespace

// -- rows ------------------------------------------------------------------------

SCENARIO("rows become structs by the names of their columns") {
  auto rows = table({{"chapters", column_type::integer}, {"id", column_type::integer}, {"title", column_type::text}},
                    {{"12", "1", "Yotsuba"}, {nullptr, "2", "Berserk"}});
  auto all = rows.as<manga>();
  REQUIRE_EQ(all.size(), 2u);
  CHECK(all[0] == (manga{1, "Yotsuba", 12}));
  CHECK(all[1] == (manga{2, "Berserk", std::nullopt}));
  CHECK(rows[1].as<manga>() == all[1]);
}

SCENARIO("columns without a field are ignored, and the first of several of a name counts") {
  auto rows = table({{"other", column_type::date},
                     {"id", column_type::integer},
                     {"title", column_type::text},
                     {"id", column_type::integer},
                     {"chapters", column_type::integer}},
                    {{"2024-01-31", "1", "one", "9", "2"}});
  CHECK(rows.as<manga>() == (std::vector<manga>{{1, "one", 2}}));
}

SCENARIO("every type of field is read") {
  auto rows = everything_table();
  auto all = rows.as<everything>();
  REQUIRE_EQ(all.size(), 2u);
  CHECK(all[0] == full());
  CHECK(all[1] == extreme());
}

SCENARIO("an optional field of every type is empty for NULL and full otherwise") {
  std::vector<column> columns{
      {"number", column_type::unsigned_integer}, {"text", column_type::text},   {"day", column_type::date},
      {"status", column_type::integer},          {"key", column_type::integer}, {"any", column_type::real}};
  auto rows = table(columns,
                    {{"7", "", "2024-01-31", "1", "5", "0.5"}, {nullptr, nullptr, nullptr, nullptr, nullptr, nullptr}});
  auto all = rows.as<optionals>();
  REQUIRE_EQ(all.size(), 2u);
  CHECK(all[0] == (optionals{7, "", date{2024, 1, 31}, state::running, manga_key{5}, value{0.5}}));
  CHECK(all[1] == (optionals{std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt, value{null{}}}));
}

SCENARIO("a column that is missing is told even if there are no rows") {
  std::vector<column> columns{{"id", column_type::integer}, {"Title", column_type::text}};
  std::string problem =
      "there is no column for the field \"title\" (std::string): the result has \"id\", \"Title\"; names must "
      "be equal, upper and lower case included";
  CHECK_EQ(error_of([&] { table(columns, {{"1", "one"}}).as<manga>(); }), problem);
  CHECK_EQ(error_of([&] { table(columns, {}).as<manga>(); }), problem);
  CHECK_EQ(error_of([&] { table(columns, {{"1", "one"}})[0].as<manga>(); }), problem);
  CHECK_EQ(error_of([&] { result{}.as<manga>(); }),
           "there is no column for the field \"id\" (uint32_t): the result has no columns at all, as after a write");
  CHECK(table({{"id", column_type::integer}, {"title", column_type::text}, {"chapters", column_type::integer}}, {})
            .as<manga>()
            .empty());
}

SCENARIO("a column is needed for an optional field, too") {
  auto rows = table({{"id", column_type::integer}, {"title", column_type::text}}, {{"1", "one"}});
  CHECK_EQ(error_of([&] { rows.as<manga>(); }),
           "there is no column for the field \"chapters\" (std::optional<uint16_t>): the result has \"id\", \"title\"; "
           "names must be equal, upper and lower case included");
}

SCENARIO("a value that does not fit is told with row, field and type") {
  std::vector<column> columns{
      {"id", column_type::integer}, {"title", column_type::text}, {"chapters", column_type::integer}};
  CHECK_EQ(
      error_of([&] {
        table(columns, {{"1", "one", "1"}, {"1", nullptr, "1"}}).as<manga>();
      }),
      "row 1, field \"title\" (std::string): column \"title\" (text) is NULL here, which a string cannot hold: read "
      "it as a std::optional, or use COALESCE in SQL");
  CHECK_EQ(
      error_of([&] {
        table(columns, {{"1", "one", "1"}, {"2", "two", "65536"}})[1].as<manga>();
      }),
      "row 1, field \"chapters\" (std::optional<uint16_t>): column \"chapters\" holds 65536, outside of the wanted "
      "type's 0 to 65535: read it as a type that holds it");
  CHECK_EQ(
      error_of([&] {
        table(columns, {{"-1", "one", "1"}}).as<manga>();
      }),
      "row 0, field \"id\" (uint32_t): column \"id\" holds -1, outside of the wanted type's 0 to 4294967295: read it "
      "as a type that holds it");
  columns[1].type = column_type::bytes;
  CHECK_EQ(
      error_of([&] {
        table(columns, {{"1", "one", "1"}}).as<manga>();
      }),
      "row 0, field \"title\" (std::string): column \"title\" is bytes, not text: read it as cenote::bytes, or CAST "
      "it in SQL");
}

SCENARIO("every integer type is range-checked") {
  auto rows = [](const char* name, const char* cell) {
    auto columns = everything_table().columns();
    std::vector<const char*> cells{"0",        "0", "0", "0", "0", "0", "0",          "0",
                                   "0",        "0", "0", "",  "0", "",  "2024-01-31", "2024-01-31 00:00:00",
                                   "00:00:00", "0", "0", "0"};
    for (size_t i = 0; i < columns.size(); ++i)
      if (columns[i].name == name) {
        columns[i].type = column_type::integer;
        cells[i] = cell;
      }
    return error_of([&] { table(columns, {cells}).as<everything>(); });
  };
  CHECK_EQ(rows("i8", "127"), "no error");
  auto out_of_range = [&rows](const char* name, const char* cell, const char* type) {
    auto problem = rows(name, cell);
    auto begin =
        "row 0, field \"" + std::string{name} + "\" (" + type + "): column \"" + name + "\" holds " + cell + ", ";
    CHECK_EQ(problem.substr(0, begin.size()), begin);
  };
  out_of_range("flag", "2", "bool");
  out_of_range("i8", "128", "int8_t");
  out_of_range("u8", "256", "uint8_t");
  out_of_range("i16", "-32769", "int16_t");
  out_of_range("u16", "-1", "uint16_t");
  out_of_range("i32", "2147483648", "int32_t");
  out_of_range("u32", "4294967296", "uint32_t");
  out_of_range("u64", "-1", "uint64_t");
  out_of_range("plain", "256", "an enum of uint8_t");
}

SCENARIO("an enum's own overload decides which numbers it takes") {
  std::vector<column> columns{{"status", column_type::integer}};
  CHECK(table(columns, {{"1"}}).as<with_state>()[0].status == state::running);
  CHECK_EQ(error_of([&] {
             table(columns, {{"0"}, {"7"}}).as<with_state>();
           }),
           "row 1, field \"status\" (an enum of uint8_t): its type does not take \"7\"");
  columns[0].type = column_type::text;
  CHECK(error_of([&] {
          table(columns, {{"running"}}).as<with_state>();
        }).ends_with("column \"status\" is text, not integer: read it as std::string, or CAST it in SQL"));
}

SCENARIO("setters, invariants and callbacks are heard") {
  std::vector<column> columns{
      {"name", column_type::text}, {"even", column_type::integer}, {"max", column_type::integer}};
  auto read = [&columns](const char* name, const char* even, const char* max) {
    return error_of([&] { table(columns, {{name, even, max}}).as<picky>(); });
  };
  CHECK_EQ(table(columns, {{"a", "2", "4"}}).as<picky>()[0].name(), "a");
  CHECK_EQ(table(columns, {{"a", "2", "4"}}).as<picky>()[0].even, 2);
  CHECK_EQ(read("", "2", "4"),
           "row 0, field \"name\" (std::string): column \"name\" holds \"\", which the setter refuses");
  CHECK_EQ(read("a", "3", "4"),
           "row 0, field \"even\" (std::optional<int32_t>): column \"even\" holds \"3\", which the "
           "invariant refuses");
  CHECK_EQ(read("a", nullptr, "4"), "no error");
  CHECK_EQ(read("a", "6", "4"), "row 0: its type does not take these values");
  CHECK_EQ(read("a", "6", "-1"),
           "row 0, field \"max\" (int32_t): column \"max\" holds \"-1\", which the setter refuses: "
               + to_string(caf::make_error(caf::sec::invalid_argument)));
}

SCENARIO("a fallback stands in for a missing column, and for NULL where the field cannot hold it") {
  auto none = table({{"other", column_type::integer}}, {{"1"}}).as<lenient>();
  REQUIRE_EQ(none.size(), 1u);
  CHECK(none[0] == (lenient{"untitled", 7, 9, 5}));
  std::vector<column> columns{{"title", column_type::text},
                              {"a", column_type::integer},
                              {"b", column_type::integer},
                              {"c", column_type::integer}};
  auto nulls = table(columns, {{nullptr, nullptr, nullptr, nullptr}}).as<lenient>();
  CHECK(nulls[0] == (lenient{"untitled", std::nullopt, 9, 5}));
  auto values = table(columns, {{"x", "1", "2", "3"}}).as<lenient>();
  CHECK(values[0] == (lenient{"x", 1, 2, 3}));
  CHECK_EQ(error_of([&] {
             table(columns, {{"x", "1", "2", "11"}}).as<lenient>();
           }),
           "row 0, field \"c\" (int32_t): column \"c\" holds \"11\", which the invariant refuses");
}

SCENARIO("a field that may be absent is reset for NULL") {
  std::vector<column> columns{{"number", column_type::integer}};
  auto all = table(columns, {{"3"}, {nullptr}}).as<maybe>();
  CHECK_EQ(all[0].number, 3);
  CHECK_EQ(all[1].number, -1);
}

SCENARIO("an overload may name other fields for some rows") {
  std::vector<column> columns{{"a", column_type::integer}, {"b", column_type::integer}};
  auto all = table(columns, {{"1", "2"}, {"3", "4"}, {"5", "6"}}).as<alternating>();
  REQUIRE_EQ(all.size(), 3u);
  CHECK_EQ(all[0].sum, 1);
  CHECK_EQ(all[1].sum, 4);
  CHECK_EQ(all[2].sum, 5);
}

SCENARIO("the row of a result that is not there is an error") {
  auto rows = table({{"status", column_type::integer}}, {{"1"}});
  CHECK_EQ(error_of([&] { rows[1].as<with_state>(); }),
           "row 1, field \"status\" (an enum of uint8_t): there is no such row: the result has 1 rows, counted from 0");
  CHECK_NE(error_of([] { result{}[0].as<with_state>(); }), "no error");
}

// -- parameters ------------------------------------------------------------------

SCENARIO("a struct's fields are the parameters of their names") {
  const manga x{1, "Yotsuba", std::nullopt};
  auto query = write("INSERT INTO manga (id, title) VALUES (:id, :title)", x);
  CHECK(query.kind == statement_kind::write);
  CHECK_EQ(query.sql, "INSERT INTO manga (id, title) VALUES (:id, :title)");
  CHECK_EQ(query.names, (std::vector<std::string>{"id", "title", "chapters"}));
  CHECK(query.params == (std::vector<value>{uint64_t{1}, std::string{"Yotsuba"}, null{}}));
  CHECK(read("SELECT :id", manga{1, "Yotsuba", 12}).params[2] == value{uint64_t{12}});
  CHECK(read("SELECT :id", x).kind == statement_kind::read);
  CHECK(idempotent_write("DELETE FROM manga WHERE id = :id", x).kind == statement_kind::idempotent_write);
}

SCENARIO("single values keep their question marks") {
  CHECK(read("SELECT ?", 1).names.empty());
  CHECK(read("SELECT ?", date{2024, 1, 31}).names.empty());
  CHECK(read("SELECT ?", value{1.5}).names.empty());
  CHECK(read("SELECT ?", std::optional<int>{}).names.empty());
  CHECK(read("SELECT ?", std::string{"x"}).names.empty());
  CHECK(read("SELECT ?, ?", 1, 2).names.empty());
  CHECK(read("SELECT 1").names.empty());
}

SCENARIO("every type of field is a parameter") {
  auto query = write("...", full());
  CHECK_EQ(query.names.size(), query.params.size());
  auto param = [&query](std::string_view name) {
    auto i = std::ranges::find(query.names, name) - query.names.begin();
    return query.params.at(static_cast<size_t>(i));
  };
  auto x = full();
  CHECK(param("flag") == value{int64_t{1}});
  CHECK(param("i8") == value{int64_t{x.i8}});
  CHECK(param("u8") == value{uint64_t{x.u8}});
  CHECK(param("i64") == value{x.i64});
  CHECK(param("u64") == value{x.u64});
  CHECK(param("single") == value{0.5});
  CHECK(param("real") == value{x.real});
  CHECK(param("text") == value{x.text});
  CHECK(param("exact") == value{x.exact});
  CHECK(param("blob") == value{x.blob});
  CHECK(param("day") == value{x.day});
  CHECK(param("moment") == value{x.moment});
  CHECK(param("span") == value{x.span});
  CHECK(param("plain") == value{uint64_t{2}});
  CHECK(param("status") == value{uint64_t{1}});
  CHECK(param("key") == value{uint64_t{5}});
}

SCENARIO("optionals, getters, fallbacks and absent fields are parameters") {
  optionals none;
  CHECK(write("...", none).params == std::vector<value>(6, null{}));
  optionals some{7, "", date{2024, 1, 31}, state::running, manga_key{5}, value{0.5}};
  CHECK(write("...", some).params
        == (std::vector<value>{uint64_t{7}, std::string{}, date{2024, 1, 31}, uint64_t{1}, uint64_t{5}, 0.5}));
  CHECK(write("...", lenient{"untitled", std::nullopt, 9, 5}).params
        == (std::vector<value>{std::string{"untitled"}, null{}, int64_t{9}, int64_t{5}}));
  CHECK(write("...", picky{"a", 2, 3}).params == (std::vector<value>{std::string{"a"}, int64_t{2}, int64_t{3}}));
  CHECK(write("...", maybe{3}).params == std::vector<value>{int64_t{3}});
  CHECK(write("...", maybe{-1}).params == std::vector<value>{null{}});
}

SCENARIO("a struct that refuses to be saved is no parameter") {
  CHECK_THROWS_AS(write("...", unsaved{}), std::invalid_argument);
}

// -- messages --------------------------------------------------------------------

SCENARIO("the overload that makes a row makes a message") {
  caf::byte_buffer buffer;
  caf::binary_serializer sink{nullptr, buffer};
  optionals sent{7, "text", date{2024, 1, 31}, state::running, manga_key{5}, value{0.5}};
  REQUIRE(sink.apply(sent));
  optionals received;
  caf::binary_deserializer source{nullptr, buffer};
  REQUIRE(source.apply(received));
  CHECK(received == sent);
}

SCENARIO("a statement reaches another node with its names") {
  caf::byte_buffer buffer;
  caf::binary_serializer sink{nullptr, buffer};
  auto sent = write("INSERT INTO manga (id) VALUES (:id)", manga{1, "Yotsuba", 12});
  REQUIRE(sink.apply(sent));
  statement received;
  caf::binary_deserializer source{nullptr, buffer};
  REQUIRE(source.apply(received));
  CHECK(received == sent);
  CHECK_EQ(received.names.size(), 3u);
}
