#define CAF_SUITE payload.mistakes

#include "unit/payload_types.hpp"

#include <limits>
#include <stdexcept>
#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace payload_test;

namespace {

tree chain(size_t depth) {
  tree out;
  for (; depth > 1; --depth) {
    tree outer;
    outer.children.push_back(std::move(out));
    out = std::move(outer);
  }
  return out;
}

} // namespace

BEGIN_FIXTURE_SCOPE(types_fixture)

SCENARIO("what is wrong is named with its place") {
  struct {
    const char* json;
    const char* want;
  } rows[] = {
      {"[]", "expected an object, got a list"},
      {"null", "expected an object, got null"},
      {"{}", "id: is missing"},
      {R"({"id":null,"chapters":[]})", "id: expected a whole number from -9223372036854775808 to 9223372036854775807, "
                                       "got null"},
      {R"({"id":"1","chapters":[]})", "id: expected a whole number from -9223372036854775808 to 9223372036854775807, "
                                      "got a text"},
      {R"({"id":1.5,"chapters":[]})", "id: expected a whole number from -9223372036854775808 to 9223372036854775807, "
                                      "got 1.5"},
      {R"({"id":1,"chapters":{}})", "chapters: expected a list, got an object"},
      {R"({"id":1,"chapters":[true]})", "chapters[0]: expected an object, got a boolean"},
      {R"({"id":1,"chapters":[{"title":"a","pages":1},{"title":5,"pages":1}]})",
       "chapters[1].title: expected a text, got a number"},
      {R"({"id":1,"chapters":[{"title":"a","pages":-1}]})",
       "chapters[0].pages: expected a whole number from 0 to 4294967295, got -1"},
      {R"({"id":1,"chapters":[{"title":"a","pages":4294967296}]})",
       "chapters[0].pages: expected a whole number from 0 to 4294967295, got 4294967296"},
      {R"({"id":1,"chapters":[{"title":"a"}]})", "chapters[0].pages: is missing"},
  };
  for (auto& [json, want] : rows)
    CHECK_EQ(problem_of<manga>(json), want);
  CHECK_EQ(problem_of<manga_later>(R"({"id":1,"chapters":[],"wanted":3})"), "wanted: the value is not allowed");
  CHECK_EQ(problem_of<limited>(R"({"percent":101,"name":"a"})"), "percent: the value is not allowed");
  CHECK_EQ(problem_of<limited>(R"({"percent":1,"name":"forbidden"})"), "name: the value is not allowed");
}

SCENARIO("containers of the wrong kind or length are refused") {
  CHECK_EQ((problem_of<std::array<int, 3>>("[1,2]")), "expected a list of 3, got one of 2");
  CHECK_EQ((problem_of<std::array<int, 3>>("{}")), "expected a list of 3, got an object");
  CHECK_EQ((problem_of<std::map<std::string, int>>(R"({"a":1,"b c":true})")),
           "['b c']: expected a whole number from -2147483648 to 2147483647, got a boolean");
  CHECK_EQ((problem_of<std::map<std::string, int>>("[]")), "expected an object, got a list");
  CHECK_EQ((problem_of<std::map<int, int>>("[[1,2],[3]]")), "[1]: expected a list of 2, got one of 1");
  CHECK_EQ((problem_of<std::map<int, int>>("{}")), "expected a list, got an object");
  CHECK_EQ(problem_of<std::vector<bool>>("[true,1]"), "[1]: expected a boolean, got a number");
  CHECK_EQ(problem_of<bool>("0"), "expected a boolean, got a number");
  CHECK_EQ(problem_of<double>(R"("1")"), "expected a number, got a text");
  CHECK_EQ(problem_of<float>("1e39"), "the value is out of range");
  CHECK_EQ(problem_of<int8_t>("128"), "expected a whole number from -128 to 127, got 128");
  CHECK_EQ(problem_of<uint64_t>("18446744073709551616"),
           "expected a whole number from 0 to 18446744073709551615, got 1.8446744073709552e+19");
  CHECK_EQ(problem_of<int>("1e300"), "expected a whole number from -2147483648 to 2147483647, got 1e+300");
  CHECK_EQ(problem_of<std::u16string>("[65536]"), "[0]: expected a whole number from 0 to 65535, got 65536");
  for (auto text : {R"("0")", R"("0g")", R"("00f")", "\"\xc3\xa4\""})
    CHECK_EQ(problem_of<std::vector<std::byte>>(text), "expected a text of hexadecimal digits, two for each byte");
  // JavaScript writes a whole number with or without a fraction.
  CHECK(from<int>("3.0") == 3);
  CHECK(from<uint64_t>("1e3") == 1000u);
}

SCENARIO("a variant needs the name of one of its types") {
  CHECK_EQ(problem_of<chooser>(R"({"one":1})"), "@one-type: is missing");
  CHECK_EQ(problem_of<chooser>(R"({"@one-type":5,"one":1})"), "@one-type: expected the name of a type, got a number");
  CHECK_EQ(problem_of<chooser>(R"({"@one-type":"double","one":1})"),
           "@one-type: the type 'double' is not allowed here");
  CHECK_EQ(problem_of<chooser>(R"({"@one-type":"int64_t"})"), "one: is missing");
  CHECK_EQ(problem_of<chooser>(R"({"@one-type":"int64_t","one":"1"})"),
           "one: expected a whole number from -9223372036854775808 to 9223372036854775807, got a text");
}

SCENARIO("texts that are no JSON are refused") {
  for (auto text : {"", " ", "{", "{}}", "{'a':1}", "[1,]", "nul", "NaN", "Infinity", "01", "+1", "1.", "\"\x01\"",
                    "\"\\ud800\"", "\"\\x\"", "\"\xff\"", "// c\n1", "1e999", "\xef\xbb\xbf{"}) {
    MESSAGE(text);
    CHECK(problem_of<int>(text).starts_with("no JSON: "));
  }
  CHECK(problem_of<int>("\"\n" + std::string(3000, 'x')).size() < 300);
  CHECK(problem_of<int>("{\n1").find('\n') == std::string::npos);
  manga out;
  std::string problem;
  CHECK(!cenote::detail::read_payload("[]", out, problem));
  CHECK_EQ(problem, "the payload is no payload_test::manga: expected an object, got a list");
}

SCENARIO("what cannot be read is one exception") {
  try {
    cenote::from_json<manga>("[1]");
    CAF_FAIL("read");
  } catch (const std::invalid_argument& e) {
    CHECK_EQ(std::string{e.what()}, "the payload is no payload_test::manga: expected an object, got a list");
  }
  CHECK_THROWS_AS(cenote::from_json<manga>("{"), std::invalid_argument);
  CHECK_THROWS_AS(cenote::from_json<manga>(""), std::invalid_argument);
}

SCENARIO("what JSON does not have cannot be written") {
  CHECK_EQ(written(manga{1, {{"a", 1}, {"\xff", 1}}}),
           "error: chapters[1].title: the text is not UTF-8: use cenote::bytes or a vector of bytes");
  auto no_number = "error: score: the number is infinite or not a number, which JSON does not have";
  for (auto x : {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                 std::numeric_limits<double>::quiet_NaN()})
    CHECK_EQ(written(manga_later{1, {}, "ja", x, {}}), no_number);
  CHECK_EQ(written(std::map<std::string, float>{{"a", std::numeric_limits<float>::infinity()}}),
           "error: a: the number is infinite or not a number, which JSON does not have");
  CHECK_EQ(written(std::map<std::string, int>{{"\xff", 1}}),
           "error: the text is not UTF-8: use cenote::bytes or a vector of bytes");
  try {
    cenote::to_json(chapter{"\xff", 0});
    CAF_FAIL("written");
  } catch (const std::invalid_argument& e) {
    CHECK_EQ(std::string{e.what()},
             "payload_test::chapter as JSON: title: the text is not UTF-8: use cenote::bytes or a "
             "vector of bytes");
  }
}

SCENARIO("at most 100 lists and objects are within each other") {
  // Each node of a tree is an object with a list.
  auto deepest = chain(50);
  auto text = written(deepest);
  CHECK(from<tree>(text) == deepest);
  CHECK(written(chain(51)).find("more than 100 lists and objects within each other") != std::string::npos);
  CHECK_EQ(problem_of<tree>(R"({"children":[)" + text + "]}"),
           "the payload has 102 lists and objects within each other, at most 100 are read");
  // Also where it is ignored.
  auto ignored = [](size_t n) { return R"({"x":)" + std::string(n, '[') + std::string(n, ']') + R"(,"children":[]})"; };
  CHECK_EQ(problem_of<tree>(ignored(99)), "");
  CHECK_EQ(problem_of<tree>(ignored(100)),
           "the payload has 101 lists and objects within each other, at most 100 are read");
  CHECK_EQ(problem_of<tree>(R"({"x":"[[\"[[\\",)" + ignored(99).substr(1)), "");
  CHECK(problem_of<tree>(std::string(4 << 20, '[')).find("at most 100") != std::string::npos);
}

SCENARIO("at most 4 MiB are read") {
  auto text = [](size_t size) { return '"' + std::string(size - 2, 'a') + '"'; };
  CHECK_EQ(problem_of<std::string>(text(4 << 20)), "");
  CHECK_EQ(problem_of<std::string>(text((4 << 20) + 1)), "the payload has 4194305 bytes, at most 4194304 are read");
}

END_FIXTURE_SCOPE()
