// What people read about the settings says what the settings are.

#define CAF_SUITE config.documents

#include "config/outline.hpp"
#include "config/setting.hpp"

#include "unit/config_support.hpp"

#include <sstream>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::config;

namespace {

std::string read_document(const std::string& name) {
  std::ifstream in{std::string{CENOTE_SOURCE_DIR} + "/" + name};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// The line about a setting in docs/settings.md.
std::string settings_row(const setting_info& x) {
  auto code = [](const std::string& text) { return text.empty() ? text : "`" + text + "`"; };
  return "| " + code(x.key) + " | " + x.unit + " | " + code(x.default_text) + " | " + x.minimum + " | "
         + code(x.environment) + " | " + x.help + " |";
}

/// The comment that stands before a line, on one line.
std::string comment_before(const std::string& text, size_t line) {
  std::istringstream in{text};
  std::string out;
  std::string one;
  for (size_t n = 1; n < line && std::getline(in, one); ++n) {
    auto hash = one.find_first_not_of(' ');
    if (hash != std::string::npos && one[hash] == '#')
      out += one.substr(hash + 1);
    else
      out.clear();
  }
  return out;
}

} // namespace

SCENARIO("the config file that comes with cenote has every setting with its default, and no other") {
  auto text = read_document("config/caf-application.conf");
  auto keys = make_outline(text);
  for (auto& x : setting_table()) {
    auto i = keys.find("cenote." + x.key);
    MESSAGE(x.key);
    REQUIRE(i != keys.end());
    CHECK_EQ(i->second.raw, x.default_text);
    auto comment = comment_before(text, i->second.line);
    CHECK(!comment.empty());
    if (!x.environment.empty())
      CHECK(comment.find("[" + x.environment + "]") != std::string::npos);
    if (x.unit == "seconds")
      CHECK(comment.starts_with(" Seconds: "));
  }
  // Unknown keys are an error when it is loaded; see the suite config.file.
}

SCENARIO("docs/settings.md has a line about every setting") {
  auto text = read_document("docs/settings.md");
  std::string missing;
  for (auto& x : setting_table())
    if (text.find(settings_row(x) + "\n") == std::string::npos)
      missing += settings_row(x) + "\n";
  if (!missing.empty())
    FAIL("docs/settings.md lacks these lines:\n" << missing);
  // One line each, and none about what is no setting any more.
  size_t rows = 0;
  for (auto prefix : {"\n| `pool.", "\n| `server.", "\n| `retry.", "\n| `log.", "\n| `http.", "\n| `node.",
                      "\n| `remote.", "\n| `budget."})
    for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1))
      ++rows;
  CHECK_EQ(rows, setting_table().size());
}
