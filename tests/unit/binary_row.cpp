// Rows of the binary protocol. What the server makes of values is compared in `db.prepared`.

#define CAF_SUITE prepared.binary_row

#include "db/binary_row.hpp"

#include <random>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace std::literals;

namespace {

// Numbers of the protocol.
constexpr uint8_t tiny = 1;
constexpr uint8_t int24 = 9;
constexpr uint8_t real = 5;
constexpr uint8_t day = 10;
constexpr uint8_t span = 11;
constexpr uint8_t moment = 12;
constexpr uint8_t text = 253;

db::binary_format format(uint8_t type, uint8_t decimals = 0, bool is_unsigned = false) {
  return {type, is_unsigned, decimals, 0};
}

/// The cells of a row with brackets around them; `malformed` if it is that.
std::string cells(const std::vector<db::binary_format>& columns, std::string_view packet) {
  result_builder out;
  out.columns(std::vector<column>(columns.size(), column{"c", column_type::text}));
  if (!db::add_binary_row(out, columns, packet))
    return "malformed";
  std::string all;
  for (auto rows = out.finish(); auto row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      all += row.is_null(i) ? "[NULL]" : "[" + std::string{row.text(i)} + "]";
  return all;
}

} // namespace

SCENARIO("values are written as in the text protocol") {
  CHECK_EQ(cells({format(tiny), format(tiny, 0, true)}, "\0\0\xff\xff"sv), "[-1][255]");
  CHECK_EQ(cells({format(int24)}, "\0\0\xff\xff\xff\xff"sv), "[-1]");
  CHECK_EQ(cells({format(text), format(text)}, "\0\0\2ab\0"sv), "[ab][]");
  CHECK_EQ(cells({format(day), format(day)}, "\0\0\0\4\xe8\7\2\x1d"sv), "[0000-00-00][2024-02-29]");
  CHECK_EQ(cells({format(moment, 3)}, "\0\0\4\xe8\7\2\x1d"sv), "[2024-02-29 00:00:00.000]");
  CHECK_EQ(cells({format(moment)}, "\0\0\7\xe8\7\2\x1d\1\2\3"sv), "[2024-02-29 01:02:03]");
  CHECK_EQ(cells({format(span, 6)}, "\0\0\x0c\1\x22\0\0\0\x16\x3b\x3b\x3f\x42\x0f\0"sv), "[-838:59:59.999999]");
  CHECK_EQ(cells({format(span)}, "\0\0\0"sv), "[00:00:00]");
  CHECK_EQ(cells({format(real, 31)}, "\0\0\0\0\0\0\0\0\xf0\x3f"sv), "[1]");
  CHECK_EQ(cells({format(real, 2)}, "\0\0\0\0\0\0\0\0\xf8\x3f"sv), "[1.50]");
}

SCENARIO("NULL is found in each place") {
  std::vector<db::binary_format> columns(15, format(tiny));
  for (size_t place = 0; place < columns.size(); ++place) {
    std::string packet(1 + 3, '\0');
    packet[1 + (place + 2) / 8] = static_cast<char>(1 << ((place + 2) % 8));
    packet.append(columns.size() - 1, '\7');
    std::string expected;
    for (size_t i = 0; i < columns.size(); ++i)
      expected += i == place ? "[NULL]" : "[7]";
    CHECK_EQ(cells(columns, packet), expected);
  }
}

SCENARIO("a row that is too short or too long, or makes no sense, is malformed") {
  const std::vector<db::binary_format> columns{format(tiny),   format(text), format(day),
                                               format(moment), format(span), format(real, 31)};
  const auto whole =
      "\0\0\1\2ab\4\xe8\7\2\x1d\x0b\xe8\7\2\x1d\1\2\3\1\0\0\0\x0c\0\0\0\0\0\1\2\3\1\0\0\0\0\0\0\0\0\0\xf0\x3f"s;
  REQUIRE(cells(columns, whole) != "malformed");
  for (size_t length = 0; length < whole.size(); ++length)
    CHECK_EQ(cells(columns, whole.substr(0, length)), "malformed");
  CHECK_EQ(cells(columns, whole + "x"), "malformed");
  CHECK_EQ(cells(columns, "\1" + whole.substr(1)), "malformed");
  CHECK_EQ(cells({format(text)}, "\0\0\xfb"sv), "malformed");
  CHECK_EQ(cells({format(text)}, "\0\0\xfe\xff\xff\xff\xff\xff\xff\xff\xff"sv), "malformed");
  CHECK_EQ(cells({format(real, 31)}, "\0\0\0\0\0\0\0\0\xf0\x7f"sv), "malformed"); // Infinite.
  CHECK_EQ(cells({format(6)}, "\0\0\1"sv), "malformed");                          // A value of the type NULL.
}

SCENARIO("no row, however strange, does more than be malformed") {
  std::mt19937 dice{1};
  auto below = [&](unsigned n) { return std::uniform_int_distribution<unsigned>{0, n - 1}(dice); };
  for (auto i = 0; i < 100'000; ++i) {
    std::vector<db::binary_format> columns(1 + below(5));
    for (auto& each : columns)
      each = {static_cast<uint8_t>(below(20)), below(2) == 0, static_cast<uint8_t>(below(256)),
              static_cast<uint8_t>(below(256))};
    std::string packet(below(60), '\0');
    for (auto& c : packet)
      c = static_cast<char>(below(4) == 0 ? below(256) : below(13));
    static_cast<void>(cells(columns, packet));
  }
}
