// What people type, and what standard output may be. No server is needed to be told about mistakes.

#define CAF_SUITE app.command_line

#include "cenote/configuration.hpp"
#include "integration/app_program.hpp"

#include <algorithm>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

SCENARIO("help and version are answered on standard output") {
  auto version = run({"cenote", "--version"});
  CHECK_EQ(version.code, 0);
  CHECK(version.out.starts_with("cenote "));
  auto help = run({"cenote", "--help"});
  CHECK_EQ(help.code, 0);
  CHECK_EQ(help.err, "");
  for (auto word : {"check", "sql", "serve", "--config", "--embedded", "DATABASE_URI", "Exit codes"})
    CHECK(contains(help.out, word));
  for (auto command : {"check", "sql", "serve"}) {
    auto x = run({"cenote", command, "--help"});
    CHECK_EQ(x.code, 0);
    CHECK(contains(x.out, "Examples:"));
    CHECK(contains(x.out, "Exit codes:"));
  }
}

SCENARIO("every setting has an option, and the help tells of it") {
  auto help = run({"cenote", "--help"}).out;
  for (auto& x : setting_table()) {
    auto name = "--" + x.key;
    std::ranges::replace(name, '.', '-');
    CHECK(contains(help, name));
    CHECK(x.environment.empty() || contains(help, x.environment));
  }
}

SCENARIO("mistakes on the command line are told in one line and give exit code 2") {
  std::vector<std::vector<std::string>> mistakes{
      {"cenote"},
      {"cenote", "--nonsense", "check"},
      {"cenote", "check", "--nonsense"},
      {"cenote", "nonsense"},
      {"cenote", "check", "twice"},
      {"cenote", "check", "serve"},
      {"cenote", "sql"},
      {"cenote", "check", "--pool-size"},
      {"cenote", "sql", "SELECT 1", "--nonsense"},
  };
  for (auto& words : mistakes) {
    auto x = run(words);
    CHECK_EQ(x.code, 2);
    CHECK_EQ(x.out, "");
    CHECK(x.err.starts_with("cenote: "));
    CHECK(contains(x.err, "--help"));
    CHECK_EQ(count(x.err, "\n"), 2u);
  }
}

SCENARIO("an unknown command is named, and those that there are") {
  CHECK(contains(run({"cenote", "chek"}).err, "unknown command 'chek': say check, sql or serve"));
  CHECK(contains(run({"cenote", "--pool-size=2"}).err, "a command is missing: say check, sql or serve"));
  CHECK(contains(run({"cenote", "--nonsense"}).err, "unknown option --nonsense"));
}

SCENARIO("settings that cannot be used are named") {
  environment uri{{"DATABASE_URI", "mysql://u:p@127.0.0.1:1/x"}};
  for (std::vector<std::string> words : {std::vector<std::string>{"cenote", "sql", "SELECT 1", "--pool-size", "many"},
                                         {"cenote", "sql", "SELECT 1", "--pool-size="},
                                         {"cenote", "--pool-size=0", "serve"}}) {
    auto x = run(words, uri);
    CHECK_EQ(x.code, 2);
    CHECK_EQ(count(x.err, "CRITICAL"), 1u);
    CHECK(contains(x.err, "--pool-size") || contains(x.err, "pool.size"));
  }
  temporary_folder folder;
  auto misspelt = folder.write("misspelt.conf", "cenote {\n  pool {\n    siez = 3\n  }\n}\n");
  auto x = run({"cenote", "serve", "--config", misspelt}, uri);
  CHECK_EQ(x.code, 2);
  CHECK_EQ(count(x.err, "CRITICAL"), 1u);
  CHECK(contains(x.err, "siez"));
  CHECK(contains(x.err, misspelt));
  CHECK_EQ(run({"cenote", "serve", "--config", folder.file("missing.conf")}, uri).code, 2);
  CHECK_EQ(run({"cenote", "serve"}, {{"DATABASE_URI", uri.at("DATABASE_URI")}, {"POOL_SIZE", "many"}}).code, 2);
}

SCENARIO("a last option counts") {
  auto x = run({"cenote", "check", "--pool-size", "many", "--pool-size", "0"});
  CHECK(contains(x.err, "0"));
  CHECK(!contains(x.err, "many"));
}

SCENARIO("standard output that cannot be written is an error, but nobody is told when the reader has gone") {
  program full{{"cenote", "--help"}, {}, "", "/dev/full"};
  auto x = full.wait();
  CHECK_EQ(x.code, 1);
  CHECK(contains(x.err, "No space left"));
  program closed{{"cenote", "--help"}, {}, "", "-"};
  x = closed.wait();
  CHECK_EQ(x.code, 1);
  CHECK(contains(x.err, "cannot write to standard output"));
}
