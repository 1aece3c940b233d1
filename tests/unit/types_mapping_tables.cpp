#include "unit/types_mapping.hpp"

#include <limits>

namespace cenote::test {

result table(std::vector<column> columns, const std::vector<std::vector<const char*>>& rows) {
  result_builder x;
  x.columns(std::move(columns));
  for (const auto& row : rows)
    for (auto cell : row)
      cell ? x.add(cell) : x.add_null();
  return x.finish();
}

result everything_table() {
  std::vector<column> columns{
      {"flag", column_type::integer},    {"i8", column_type::integer},  {"u8", column_type::integer},
      {"i16", column_type::integer},     {"u16", column_type::integer}, {"i32", column_type::integer},
      {"u32", column_type::integer},     {"i64", column_type::integer}, {"u64", column_type::integer},
      {"single", column_type::real},     {"real", column_type::real},   {"text", column_type::text},
      {"exact", column_type::decimal},   {"blob", column_type::bytes},  {"day", column_type::date},
      {"moment", column_type::datetime}, {"span", column_type::time},   {"plain", column_type::integer},
      {"status", column_type::integer},  {"key", column_type::integer}};
  columns[8].type = column_type::unsigned_integer;
  return table(std::move(columns),
               {{"1",          "-1",  "1",        "-2",   "2",       "-3",   "3",          "-4",
                 "4",          "0.5", "-1.5e300", "text", "-12.340", "blob", "2024-01-31", "2024-01-31 12:00:00.000001",
                 "-838:59:59", "2",   "1",        "5"},
                {"0",
                 "-128",
                 "255",
                 "-32768",
                 "65535",
                 "-2147483648",
                 "4294967295",
                 "-9223372036854775808",
                 "18446744073709551615",
                 "0",
                 "0",
                 "",
                 "0",
                 "",
                 "0000-00-00",
                 "0000-00-00 00:00:00",
                 "00:00:00",
                 "255",
                 "0",
                 "4294967295"}});
}

everything full() {
  return {true,
          -1,
          1,
          -2,
          2,
          -3,
          3,
          -4,
          4,
          0.5F,
          -1.5e300,
          "text",
          {"-12.340"},
          {"blob"},
          {2024, 1, 31},
          {2024, 1, 31, 12, 0, 0, 1},
          {true, 838, 59, 59, 0},
          plain_enum{2},
          state::running,
          {5}};
}

everything extreme() {
  everything x;
  x.i8 = std::numeric_limits<int8_t>::min();
  x.u8 = std::numeric_limits<uint8_t>::max();
  x.i16 = std::numeric_limits<int16_t>::min();
  x.u16 = std::numeric_limits<uint16_t>::max();
  x.i32 = std::numeric_limits<int32_t>::min();
  x.u32 = std::numeric_limits<uint32_t>::max();
  x.i64 = std::numeric_limits<int64_t>::min();
  x.u64 = std::numeric_limits<uint64_t>::max();
  x.exact = {"0"};
  x.plain = plain_enum{255};
  x.key = {std::numeric_limits<uint32_t>::max()};
  return x;
}

} // namespace cenote::test
