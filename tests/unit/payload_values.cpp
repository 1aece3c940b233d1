#define CAF_SUITE payload.values

#include "unit/payload_types.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace payload_test;
using namespace std::string_literals;

namespace {

template <class T>
void check(const T& x, std::string_view want) {
  auto text = written(x);
  CHECK_EQ(text, std::string{want});
  auto read = from<T>(text);
  CHECK(read.has_value() && *read == x);
}

template <class T>
void check_limits() {
  using limits = std::numeric_limits<T>;
  for (auto x : {limits::min(), limits::lowest(), T{0}, T{1}, limits::max()}) {
    auto read = from<T>(written(x));
    CHECK(read && *read == x);
  }
}

/// Not a number, or the same bits again.
template <class Float, class Bits>
bool survives(Bits bits) {
  auto x = std::bit_cast<Float>(bits);
  if (!std::isfinite(x))
    return written(x).starts_with("error: ");
  auto read = from<Float>(written(x));
  return read && std::bit_cast<Bits>(*read) == bits;
}

} // namespace

BEGIN_FIXTURE_SCOPE(types_fixture)

SCENARIO("numbers of all kinds are read as they were") {
  check_limits<int8_t>();
  check_limits<uint8_t>();
  check_limits<int16_t>();
  check_limits<uint16_t>();
  check_limits<int32_t>();
  check_limits<uint32_t>();
  check_limits<int64_t>();
  check_limits<uint64_t>();
  check_limits<long long>();
  check_limits<unsigned long long>();
  check_limits<char>();
  check_limits<float>();
  check_limits<double>();
  check(uint64_t{18446744073709551615u}, "18446744073709551615");
  check(std::numeric_limits<int64_t>::min(), "-9223372036854775808");
  check(true, "true");
  check(false, "false");
  check(0.1, "0.1");
  check(0.1f, "0.1");
  check(1.0, "1.0");
  check(1e22, "1e+22");
  check(123456.789, "123456.789");
  check(5e-324, "5e-324");
  check('A', "65");
  check(caf::byte{255}, "255");
  check(std::byte{255}, "255");
  check(quality::high, "2");
  CHECK_EQ(written(-0.0), "-0.0");
  CHECK(std::signbit(*from<double>("-0.0")));
  CHECK(*from<long double>(written(0.25L)) == 0.25L);
}

SCENARIO("all doubles and floats are read with the bits that they had") {
  std::mt19937_64 rng{11};
  size_t wrong = 0;
  for (int i = 0; i < 100'000; ++i) {
    wrong += !survives<double>(rng());
    wrong += !survives<float>(static_cast<uint32_t>(rng()));
    // Denormal ones.
    wrong += !survives<double>(rng() & 0x800fffffffffffff);
    wrong += !survives<float>(static_cast<uint32_t>(rng()) & 0x807fffff);
  }
  CHECK_EQ(wrong, 0u);
}

SCENARIO("texts are read as they were") {
  check(""s, R"("")");
  check("\"\\/\b\f\n\r\t"s, R"("\"\\/\u0008\u000c\n\r\t")");
  check("\0\x01\x1f\x7f"s, "\"\\u0000\\u0001\\u001f\x7f\"");
  check("\xc3\xa4\xe6\xbc\xab\xf0\x9f\x98\x80"s, "\"\xc3\xa4\xe6\xbc\xab\xf0\x9f\x98\x80\"");
  check(u"a\U0001f600"s, "[97,55357,56832]");
  check(U"a\U0001f600"s, "[97,128512]");
  CHECK(from<std::string>(R"("\u00e4\ud83d\ude00\/")") == "\xc3\xa4\xf0\x9f\x98\x80/");
}

SCENARIO("structs are objects, nested ones too") {
  check(manga{42, {{"one", 10}, {"two", 0}}},
        R"({"id":42,"chapters":[{"title":"one","pages":10},{"title":"two","pages":0}]})");
  check(nothing{}, "{}");
  check(limited{100, "name"}, R"({"percent":100,"name":"name"})");
}

SCENARIO("empty optional fields, and those that have their fallback, are absent") {
  check(manga_later{1, {}, "ja", {}, quality::medium}, R"({"id":1,"chapters":[]})");
  check(manga_later{1, {}, "", 0.5, quality::low}, R"({"id":1,"chapters":[],"language":"","score":0.5,"wanted":0})");
}

SCENARIO("a later version of a type reads what an earlier one has written, and the other way round") {
  manga_later want{7, {{"one", 1}}, "ja", {}, quality::medium};
  CHECK(from<manga_later>(written(manga{7, {{"one", 1}}})) == want);
  want.score = 9.5;
  want.language = "de";
  CHECK(from<manga>(written(want)) == (manga{7, {{"one", 1}}}));
  CHECK(from<manga_later>(R"({"id":7,"chapters":[],"language":null,"score":null})")
        == (manga_later{7, {}, "ja", {}, quality::medium}));
  // In any order, and the last one of the same name counts.
  CHECK(from<manga>(R"({"x":{"y":[1]},"chapters":[],"id":1,"id":2})") == (manga{2, {}}));
}

SCENARIO("containers are lists, and maps by text are objects") {
  containers x;
  x.numbers = {3, 1, 2};
  x.three = {1, 2, 3};
  x.both = {"a", true};
  x.mixed = {-1, 2.5, "c"};
  x.by_name = {{"", {"empty", 0}}, {"b\"\n", {"two", 2}}};
  x.unordered = {{"k", 5}};
  x.by_number = {{-1, "minus"}, {7, "seven"}};
  x.repeated = {{"a", 1}, {"a", 2}};
  x.flags = {true, false};
  x.maybe = {1, std::nullopt, 3};
  x.nested = {{}, {1}, {2, 3}};
  x.bytes = {std::byte{0}, std::byte{255}};
  x.array[1] = 9;
  check(x, R"({"numbers":[1,2,3],"three":[1,2,3],"both":["a",true],"mixed":[-1,2.5,"c"],)"
           R"("by-name":{"":{"title":"empty","pages":0},"b\"\n":{"title":"two","pages":2}},"unordered":{"k":5},)"
           R"("by-number":[[-1,"minus"],[7,"seven"]],"repeated":[["a",1],["a",2]],"flags":[true,false],)"
           R"("maybe":[1,null,3],"nested":[[],[1],[2,3]],"bytes":"00ff","array":[0,9]})");
  check(containers{}, R"({"numbers":[],"three":[0,0,0],"both":["",false],"mixed":[0,0.0,""],"by-name":{},)"
                      R"("unordered":{},"by-number":[],"repeated":[],"flags":[],"maybe":[],"nested":[],"bytes":"",)"
                      R"("array":[0,0]})");
  check(std::optional<int>{}, "null");
  check(std::optional<int>{3}, "3");
  check(std::map<std::string, std::optional<int>>{{"a", 1}, {"b", {}}}, R"({"a":1,"b":null})");
  check(cenote::bytes{"\0\xff\x7f"s}, R"("00ff7f")");
}

SCENARIO("variants stand beside the name of their type") {
  check(chooser{int64_t{1}, choice{"two"}, {choice{chapter{"three", 3}}}},
        R"({"@one-type":"int64_t","one":1,"@maybe-type":"std::string","maybe":"two",)"
        R"("many":[{"@value-type":"payload_test::chapter","value":{"title":"three","pages":3}}]})");
  check(chooser{}, R"({"@one-type":"int64_t","one":0,"many":[]})");
}

SCENARIO("values of the database are read as they were") {
  row x;
  x.values = {cenote::null{},
              int64_t{-1},
              uint64_t{18446744073709551615u},
              0.1,
              "text"s,
              cenote::bytes{"\xff\x00"s},
              cenote::decimal{"-12.340"},
              cenote::date{2024, 2, 29},
              cenote::datetime{2024, 2, 29, 23, 59, 59, 999999},
              cenote::time{true, 838, 59, 59, 1}};
  auto read = from<row>(written(x));
  CHECK(read.has_value() && *read == x);
  x.values = {cenote::bytes{"a"}};
  check(x, R"({"values":[{"@value-type":"cenote::bytes","value":"61"}]})");
}

SCENARIO("a payload is written and read") {
  CHECK_EQ(cenote::to_json(manga{1, {}}), R"({"id":1,"chapters":[]})");
  manga out;
  std::string problem = "before";
  CHECK(cenote::detail::read_payload(R"({"id":5,"chapters":[]})", out, problem));
  CHECK(out.id == 5);
  CHECK_EQ(cenote::from_json<manga>(R"({"id":7,"chapters":[]})").id, 7);
}

END_FIXTURE_SCOPE()
