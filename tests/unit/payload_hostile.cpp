#define CAF_SUITE payload.hostile

#include "unit/payload_types.hpp"

#include <random>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace payload_test;
using namespace std::string_literals;

namespace {

template <class T>
size_t read_as(std::string_view json) {
  T out{};
  cenote::detail::payload_reader reader{json};
  if (reader.element(out)) {
    // What was read can be written, and read again as the same.
    auto again = written(out);
    if (from<T>(again) != out)
      CAF_FAIL("not the same again: " << again);
    return 1;
  }
  if (reader.problem().empty() || reader.problem().find('\n') != std::string::npos)
    CAF_FAIL("a failure without a reason, or on several lines");
  return 0;
}

size_t read_as_all(std::string_view json) {
  return read_as<manga_later>(json) + read_as<containers>(json) + read_as<chooser>(json) + read_as<row>(json)
         + read_as<limited>(json) + read_as<tree>(json)
         + read_as<std::vector<std::chrono::system_clock::time_point>>(json)
         + read_as<std::vector<std::chrono::milliseconds>>(json) + read_as<std::vector<double>>(json);
}

std::vector<std::string> good_texts() {
  containers boxes;
  boxes.by_name = {{"a", {"one", 1}}};
  boxes.by_number = {{1, "one"}};
  boxes.maybe = {1, {}};
  boxes.bytes = {std::byte{7}};
  row values;
  values.values = {cenote::null{}, 0.5, cenote::bytes{"x"}, cenote::date{2024, 1, 1}};
  return {written(manga_later{1, {{"a", 1}, {"b", 2}}, "de", 0.5, quality::high}),
          written(boxes),
          written(chooser{int64_t{1}, choice{"two"}, {choice{chapter{"three", 3}}}}),
          written(values),
          written(limited{50, "name"}),
          R"({"children":[{"children":[]},{"children":[{"children":[]}]}]})",
          R"(["2024-02-29T23:59:59.120Z","1970-01-01T00:00:00Z"])",
          R"(["1500ms","2d","-3min"])",
          "[1.5,-0.0,1e300,5e-324]"};
}

} // namespace

BEGIN_FIXTURE_SCOPE(types_fixture)

SCENARIO("random bytes are refused, and nothing worse") {
  std::mt19937 rng{21};
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (auto n = rng() % 40; n > 0; --n)
      text += static_cast<char>(rng());
    read_as_all(text);
  }
}

SCENARIO("random pieces of JSON are read or refused, and nothing worse") {
  std::mt19937 rng{22};
  const std::vector<std::string> pieces{"{",
                                        "}",
                                        "[",
                                        "]",
                                        ",",
                                        ":",
                                        "\"id\"",
                                        "null",
                                        "true",
                                        "-1",
                                        "1.5",
                                        "1e308",
                                        "\"a\"",
                                        "\"\\u0000\"",
                                        "\"",
                                        "\\",
                                        "\"1ms\"",
                                        "\"00\"",
                                        "\"title\"",
                                        "\"pages\"",
                                        "\"children\"",
                                        "[]",
                                        "{}",
                                        "\"one\"",
                                        "\"@one-type\"",
                                        "\"int64_t\"",
                                        "18446744073709551615"};
  for (int i = 0; i < 4000; ++i) {
    std::string text;
    for (auto n = rng() % 20; n > 0; --n)
      text += pieces[rng() % pieces.size()];
    read_as_all(text);
  }
}

SCENARIO("changed JSON is read or refused, and nothing worse") {
  std::mt19937 rng{23};
  auto texts = good_texts();
  for (auto& text : texts)
    CHECK(read_as_all(text) >= 1);
  constexpr std::string_view letters = "{}[],:\"0123456789-.eEntfu\\ aZT\xff\x00";
  size_t read = 0;
  for (int i = 0; i < 8000; ++i) {
    auto text = texts[rng() % texts.size()];
    for (auto n = 1 + rng() % 3; n > 0 && !text.empty(); --n) {
      auto place = rng() % text.size();
      switch (rng() % 4) {
      case 0:
        text.erase(place, 1 + rng() % 5);
        break;
      case 1:
        text.insert(place, 1, letters[rng() % letters.size()]);
        break;
      case 2:
        text.insert(place, text.substr(rng() % text.size(), rng() % 20));
        break;
      default:
        text[place] = letters[rng() % letters.size()];
      }
    }
    read += read_as_all(text);
  }
  CHECK(read > 200);
}

SCENARIO("values of every kind at every place are read or refused, and nothing worse") {
  for (auto value :
       {"null", "true", "-1", "1e999", "0.5", "\"\"", "\"x\"", "[]", "[[]]", "{}", "{\"a\":[]}", "[null,null]"}) {
    read_as_all(value);
    for (auto name : {"id",    "chapters", "language",  "score",    "wanted", "numbers", "three",  "both",
                      "mixed", "by-name",  "by-number", "repeated", "flags",  "maybe",   "nested", "bytes",
                      "array", "one",      "@one-type", "many",     "values", "percent", "name",   "children"}) {
      for (auto& text : good_texts()) {
        if (text.front() != '{')
          continue;
        // The last one of the same name counts.
        auto changed = text;
        changed.insert(changed.size() - 1, ",\""s + name + "\":" + value);
        read_as_all(changed);
      }
    }
  }
}

END_FIXTURE_SCOPE()
