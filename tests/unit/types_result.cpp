#define CAF_SUITE types.result

#include "cenote/result.hpp"

#include "cenote/type_ids.hpp"

#include <limits>
#include <memory>
#include <optional>

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/byte_buffer.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;

namespace {

/// A result of one row with one column per type.
result sample() {
  result_builder x;
  x.columns({{"i", column_type::integer},
             {"u", column_type::unsigned_integer},
             {"r", column_type::real},
             {"d", column_type::decimal},
             {"t", column_type::text},
             {"j", column_type::json},
             {"b", column_type::bytes},
             {"bit", column_type::bit},
             {"date", column_type::date},
             {"dt", column_type::datetime},
             {"time", column_type::time},
             {"n", column_type::null}});
  x.add("-129");
  x.add("18446744073709551615");
  x.add("-1.5e300");
  x.add("-12.340");
  x.add("text");
  x.add("{}");
  x.add(std::string_view{"\0\xFF", 2});
  x.add("\x01");
  x.add("2024-01-31");
  x.add("2024-01-31 12:00:00.000001");
  x.add("-838:59:59");
  x.add_null();
  return x.finish();
}

/// A result of one row with one cell.
result single(column_type type, std::string_view cell) {
  result_builder x;
  x.columns({{"c", type}});
  x.add(cell);
  return x.finish();
}

template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const result_error& x) {
    return x.what();
  }
  return "no error";
}

/// What `result` looks like on the wire, for making damaged ones.
struct raw_result {
  std::vector<column> columns;
  std::string data;
  std::vector<uint32_t> ends;
  uint64_t affected_rows = 0;
  uint64_t last_insert_id = 0;
  uint16_t warnings = 0;
  std::vector<result> more = {};

  template <class Inspector>
  friend bool inspect(Inspector& f, raw_result& x) {
    return f.object(x).fields(f.field("columns", x.columns), f.field("data", x.data), f.field("ends", x.ends),
                              f.field("affected-rows", x.affected_rows), f.field("last-insert-id", x.last_insert_id),
                              f.field("warnings", x.warnings), f.field("more", x.more));
  }
};

bool accepted(raw_result x) {
  caf::byte_buffer buffer;
  caf::binary_serializer sink{nullptr, buffer};
  if (!sink.apply(x))
    FAIL("could not serialise");
  result received;
  caf::binary_deserializer source{nullptr, buffer};
  return source.apply(received);
}

constexpr uint32_t null_bit = 0x8000'0000;

} // namespace

SCENARIO("every type of column is read as its own type") {
  auto x = sample();
  auto row = x[0];
  CHECK_EQ(row.get<int64_t>("i"), -129);
  CHECK_EQ(row.get<int16_t>(0), -129);
  CHECK_EQ(row.get<uint64_t>("u"), 18'446'744'073'709'551'615u);
  CHECK_EQ(row.get<double>("r"), -1.5e300);
  CHECK_EQ(row.get<decimal>("d").digits, "-12.340");
  CHECK_EQ(row.get<std::string>("d"), "-12.340");
  CHECK_EQ(row.get<decimal>("i").digits, "-129");
  CHECK_EQ(row.get<std::string>("t"), "text");
  CHECK_EQ(row.get<std::string_view>("j"), "{}");
  CHECK(row.get<bytes>("b") == (bytes{std::string{"\0\xFF", 2}}));
  CHECK(row.get<bytes>("t") == bytes{"text"});
  CHECK(row.get<bytes>("bit") == bytes{"\x01"});
  CHECK(row.get<date>("date") == (date{2024, 1, 31}));
  CHECK(row.get<datetime>("dt") == (datetime{2024, 1, 31, 12, 0, 0, 1}));
  CHECK(row.get<cenote::time>("time") == (cenote::time{true, 838, 59, 59, 0}));
  CHECK(row.is_null("n"));
  CHECK(!row.is_null("t"));
  CHECK_EQ(row.text(row.index_of("r")), "-1.5e300");
  CHECK_EQ(row.text(row.index_of("n")), "");
}

SCENARIO("a value has the type that its column has") {
  auto x = sample();
  auto row = x[0];
  CHECK(row.value_at(0) == value{int64_t{-129}});
  CHECK(row.value_at(1) == value{uint64_t{18'446'744'073'709'551'615u}});
  CHECK(row.value_at(2) == value{-1.5e300});
  CHECK(row.value_at(3) == value{decimal{"-12.340"}});
  CHECK(row.value_at(4) == value{std::string{"text"}});
  CHECK(row.value_at(5) == value{std::string{"{}"}});
  CHECK(row.value_at(6) == (value{bytes{std::string{"\0\xFF", 2}}}));
  CHECK(row.value_at(7) == value{bytes{"\x01"}});
  CHECK(row.value_at(8) == (value{date{2024, 1, 31}}));
  CHECK(row.value_at(9) == (value{datetime{2024, 1, 31, 12, 0, 0, 1}}));
  CHECK(row.value_at(10) == (value{cenote::time{true, 838, 59, 59, 0}}));
  CHECK(row.value_at(11) == value{null{}});
  CHECK(row.get<value>("i") == value{int64_t{-129}});
}

SCENARIO("an optional is empty for NULL and full otherwise") {
  result_builder x;
  x.columns({{"a", column_type::text}, {"b", column_type::integer}});
  x.add_null();
  x.add("1");
  x.add("");
  x.add_null();
  auto rows = x.finish();
  REQUIRE_EQ(rows.size(), 2u);
  CHECK(!rows[0].get<std::optional<std::string>>("a"));
  CHECK_EQ(rows[0].get<std::optional<int>>("b"), 1);
  CHECK_EQ(rows[1].get<std::optional<std::string>>("a"), "");
  CHECK(!rows[1].get<std::optional<int>>("b"));
}

SCENARIO("integers are refused where the wanted type does not hold them") {
  auto get = [](column_type type, std::string_view cell, auto wanted) {
    auto x = single(type, cell);
    return error_of([&] { x[0].get<decltype(wanted)>("c"); });
  };
  CHECK_EQ(get(column_type::integer, "127", int8_t{}), "no error");
  CHECK_EQ(get(column_type::integer, "-128", int8_t{}), "no error");
  CHECK_EQ(get(column_type::integer, "128", int8_t{}),
           "column \"c\" holds 128, outside of the wanted type's -128 to 127: read it as a type that holds it");
  CHECK_NE(get(column_type::integer, "-1", uint64_t{}), "no error");
  CHECK_NE(get(column_type::integer, "-9223372036854775808", uint8_t{}), "no error");
  CHECK_EQ(get(column_type::unsigned_integer, "9223372036854775807", int64_t{}), "no error");
  CHECK_NE(get(column_type::unsigned_integer, "9223372036854775808", int64_t{}), "no error");
  CHECK_NE(get(column_type::unsigned_integer, "256", uint8_t{}), "no error");
  CHECK_EQ(get(column_type::unsigned_integer, "000000007", uint8_t{}), "no error");
  CHECK_EQ(get(column_type::integer, "1", bool{}), "no error");
  CHECK_NE(get(column_type::integer, "2", bool{}), "no error");
  CHECK_NE(get(column_type::integer, "-1", bool{}), "no error");
}

SCENARIO("a wrong type is told with the column, its type and the remedy") {
  auto x = sample();
  auto row = x[0];
  CHECK_EQ(error_of([&] { row.get<int>("d"); }),
           "column \"d\" is decimal, not integer: read it as cenote::decimal or std::string, or CAST it in SQL");
  CHECK_EQ(error_of([&] { row.get<double>("d"); }),
           "column \"d\" is decimal, not real: read it as cenote::decimal or std::string, or CAST it in SQL");
  CHECK_EQ(error_of([&] { row.get<std::string>("i"); }),
           "column \"i\" is integer, not text: read it as an integer type or cenote::decimal, or CAST it in SQL");
  CHECK_EQ(error_of([&] { row.get<std::string>("b"); }),
           "column \"b\" is bytes, not text: read it as cenote::bytes, or CAST it in SQL");
  CHECK_EQ(error_of([&] { row.get<date>("dt"); }),
           "column \"dt\" is datetime, not date: read it as cenote::datetime, or CAST it in SQL");
  CHECK_EQ(error_of([&] { row.get<uint64_t>("t"); }),
           "column \"t\" is text, not integer: read it as std::string, or CAST it in SQL");
  CHECK_EQ(
      error_of([&] { row.get<int>("n"); }),
      "column \"n\" (null) is NULL here, which an integer cannot hold: read it as a std::optional, or use COALESCE "
      "in SQL");
  for (auto name : {"i", "u", "r", "d", "date", "dt", "time"})
    CHECK_NE(error_of([&] { row.get<bytes>(name); }), "no error");
  for (auto name : {"r", "t", "j", "b", "bit", "date", "dt", "time"})
    CHECK_NE(error_of([&] { row.get<decimal>(name); }), "no error");
  for (auto name : {"i", "d", "t", "date", "dt"})
    CHECK_NE(error_of([&] { row.get<cenote::time>(name); }), "no error");
}

SCENARIO("a wrong name or number is told with the columns there are") {
  result_builder x;
  x.columns({{"id", column_type::integer}, {"title", column_type::text}});
  x.add("1");
  x.add("one");
  auto rows = x.finish();
  CHECK_EQ(error_of([&] { rows[0].get<int>("titel"); }),
           "there is no column \"titel\": the result has \"id\", \"title\"");
  CHECK_EQ(error_of([&] { rows[0].get<int>(2); }),
           "there is no column 2: the result has 2 columns, counted from 0: \"id\", \"title\"");
  CHECK_EQ(error_of([&] { rows[1].get<int>(0); }), "there is no such row: the result has 1 rows, counted from 0");
  CHECK_NE(error_of([&] { rows[1].is_null(0); }), "no error");
  CHECK_NE(error_of([&] { result{}[0].text(0); }), "no error");
}

SCENARIO("the first of several columns of one name counts") {
  result_builder x;
  x.columns({{"a", column_type::integer}, {"a", column_type::integer}});
  x.add("1");
  x.add("2");
  auto rows = x.finish();
  CHECK_EQ(rows[0].get<int>("a"), 1);
  CHECK_EQ(rows[0].get<int>(1), 2);
}

SCENARIO("the rows of a result can be walked") {
  result_builder x;
  x.columns({{"n", column_type::integer}});
  for (auto cell : {"1", "2", "3"})
    x.add(cell);
  auto rows = x.finish();
  auto sum = 0;
  for (auto row : rows)
    sum += row.get<int>("n");
  CHECK_EQ(sum, 6);
  result none;
  CHECK(none.begin() == none.end());
}

SCENARIO("a result of any size is whole, and so is its copy") {
  result_builder x;
  x.columns({{"n", column_type::integer}, {"text", column_type::text}});
  std::vector<std::string> texts;
  for (size_t n = 0; n < 2'000; ++n) {
    texts.emplace_back(n % 700, 'x');
    x.add(std::to_string(n));
    x.add(texts.back());
  }
  auto rows = x.finish();
  auto copy = rows;
  auto moved = std::move(rows);
  CHECK(copy == moved);
  CHECK_EQ(copy.size(), texts.size());
  size_t wrong = 0;
  for (size_t n = 0; n < texts.size(); ++n)
    wrong += copy[n].get<size_t>(0) != n || copy[n].get<std::string_view>(1) != texts[n];
  CHECK_EQ(wrong, 0u);
}

SCENARIO("results share the columns that they are given as shared ones") {
  auto columns = std::make_shared<const std::vector<column>>(1, column{"n", column_type::integer});
  auto with = [&](std::string_view cell) {
    result_builder x;
    x.columns(columns);
    x.add(cell);
    return x.finish();
  };
  auto one = with("1");
  auto two = with("2");
  CHECK_EQ(&one.columns(), columns.get());
  CHECK_EQ(&one.columns(), &two.columns());
  CHECK(one != two);
  CHECK_EQ(two[0].get<int>("n"), 2);
  result_builder x;
  x.columns({{"n", column_type::integer}}); // Of its own.
  x.add("1");
  CHECK(one == x.finish());
}

SCENARIO("a result without rows tells its effects") {
  result_builder x;
  x.effects(3, 7, 1);
  auto done = x.finish();
  CHECK(done.empty());
  CHECK_EQ(done.affected_rows(), 3u);
  CHECK_EQ(done.last_insert_id(), 7u);
  CHECK_EQ(done.warnings(), 1u);
  CHECK(x.finish() == result{});
}

SCENARIO("a result reaches another node as it was") {
  result_builder x;
  x.columns({{"a", column_type::text}, {"b", column_type::null}});
  x.add("one");
  x.add_null();
  x.add("");
  x.add_null();
  x.effects(1, 2, 3);
  x.more(sample());
  auto sent = x.finish();
  caf::byte_buffer buffer;
  caf::binary_serializer sink{nullptr, buffer};
  REQUIRE(sink.apply(sent));
  result received;
  caf::binary_deserializer source{nullptr, buffer};
  REQUIRE(source.apply(received));
  CHECK(received == sent);
}

SCENARIO("a damaged result from another node is refused") {
  std::vector<column> two{{"a", column_type::text}, {"b", column_type::text}};
  CHECK(accepted({two, "abc", {1, 3}}));
  CHECK(accepted({two, "abc", {1, 1 | null_bit, 3, 3 | null_bit}}));
  CHECK(accepted({two, "", {}}));
  CHECK(accepted({{}, "", {}}));
  CHECK(!accepted({two, "abc", {1, 4}}));            // beyond the data
  CHECK(!accepted({two, "abc", {1, 2}}));            // data left over
  CHECK(!accepted({two, "abc", {2, 1, 3, 3}}));      // backwards
  CHECK(!accepted({two, "abc", {1, 2, 3}}));         // half a row
  CHECK(!accepted({two, "abc", {1, 3 | null_bit}})); // a NULL with content
  CHECK(!accepted({{}, "abc", {}}));                 // data without columns
  CHECK(!accepted({{}, "abc", {1, 3}}));             // cells without columns
  CHECK(!accepted({two, "abc", {1, 0x7fff'ffff}}));
}

SCENARIO("a cell that does not fit its column is an error and not undefined") {
  for (auto type : {column_type::integer, column_type::unsigned_integer, column_type::real, column_type::date,
                    column_type::datetime, column_type::time, column_type::null}) {
    auto x = single(type, "no such thing");
    CHECK_NE(error_of([&] { x[0].value_at(0); }), "no error");
  }
  CHECK_EQ(error_of([] { single(column_type::integer, "1x")[0].get<int>(0); }),
           "column \"c\" is integer but holds \"1x\": the result is damaged, or not made by a server");
}

SCENARIO("a float takes the nearest number, but none that is beyond it") {
  auto as_float = [](std::string_view cell) { return single(column_type::real, cell)[0].get<float>(0); };
  CHECK_EQ(as_float("0.1"), 0.1f);
  CHECK_EQ(as_float("-0"), 0.0f);
  CHECK_EQ(as_float("16777217"), 16777216.0f);
  CHECK_EQ(as_float("3.4028234663852886e38"), std::numeric_limits<float>::max());
  CHECK_EQ(as_float("-3.40282e38"), -3.40282e38f);
  CHECK_EQ(as_float("1e-45"), std::numeric_limits<float>::denorm_min());
  for (auto cell : {"1e300", "-1e300", "3.4028236e38", "1.7976931348623157e308"}) {
    MESSAGE(cell);
    CHECK_EQ(error_of([&] { as_float(cell); }),
             std::string{"column \"c\" holds "} + cell + ", which is too large for a float: read it as double");
  }
  for (auto cell : {"1e-300", "-5e-324", "1e-46"}) {
    MESSAGE(cell);
    CHECK_EQ(error_of([&] { as_float(cell); }),
             std::string{"column \"c\" holds "} + cell + ", which is too small for a float: read it as double");
  }
  CHECK_EQ(single(column_type::real, "5e-324")[0].get<double>(0), 5e-324);
  CHECK_NE(error_of([] { single(column_type::real, "1e999")[0].get<double>(0); }), "no error");
  CHECK_EQ(single(column_type::real, "1e300")[0].get<long double>(0), static_cast<long double>(1e300));
  CHECK_NE(error_of([] { single(column_type::decimal, "1.5")[0].get<float>(0); }), "no error");
}

SCENARIO("every integer type takes its limits and nothing beyond") {
  auto check = []<class T>(T) {
    using limits = std::numeric_limits<T>;
    auto text = [](auto x) { return std::to_string(x); };
    for (auto x : {limits::min(), limits::max(), T{0}, T{1}}) {
      CHECK_EQ(single(column_type::integer, text(x))[0].template get<T>(0), x);
      if (x >= 0)
        CHECK_EQ(single(column_type::unsigned_integer, text(x))[0].template get<T>(0), x);
    }
    if constexpr (sizeof(T) < 8) {
      CHECK_NE(error_of([&] { single(column_type::integer, text(int64_t{limits::max()} + 1))[0].template get<T>(0); }),
               "no error");
      CHECK_NE(error_of([&] { single(column_type::integer, text(int64_t{limits::min()} - 1))[0].template get<T>(0); }),
               "no error");
    }
    CHECK_NE(error_of([&] { single(column_type::unsigned_integer, "18446744073709551616")[0].template get<T>(0); }),
             "no error");
    CHECK_NE(error_of([&] { single(column_type::integer, "-9223372036854775809")[0].template get<T>(0); }), "no error");
    if constexpr (!std::is_same_v<T, uint64_t>)
      CHECK_NE(error_of([&] { single(column_type::unsigned_integer, "18446744073709551615")[0].template get<T>(0); }),
               "no error");
  };
  check(int8_t{});
  check(uint8_t{});
  check(int16_t{});
  check(uint16_t{});
  check(int32_t{});
  check(uint32_t{});
  check(int64_t{});
  check(uint64_t{});
  for (auto cell : {"2", "-1", "18446744073709551615"})
    CHECK_NE(error_of([&] { single(column_type::unsigned_integer, cell)[0].get<bool>(0); }), "no error");
}

SCENARIO("a char is read from a text of one byte") {
  CHECK_EQ(single(column_type::text, "A")[0].get<char>(0), 'A');
  CHECK_EQ(single(column_type::text, "A")[0].get<std::optional<char>>(0), std::optional{'A'});
  CHECK_EQ(error_of([] { single(column_type::text, "")[0].get<char>(0); }),
           "column \"c\" holds a text of 0 bytes, not one character of ASCII: read it as std::string");
  CHECK_NE(error_of([] { single(column_type::text, "\xc3\xa9")[0].get<char>(0); }), "no error");
  CHECK_NE(error_of([] { single(column_type::integer, "65")[0].get<char>(0); }), "no error");
}
