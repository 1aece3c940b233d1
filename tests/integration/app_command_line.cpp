// What people type, and what standard output may be. No server is needed to be told about mistakes.

#define CAF_SUITE app.command_line

#include "cenote/configuration.hpp"
#include "integration/app_program.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

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
  for (auto command : {"check", "sql", "serve", "health", "top", "jobs"}) {
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
  CHECK(contains(run({"cenote", "chek"}).err, "unknown command 'chek': say check, sql, serve, health, top or jobs"));
  CHECK(contains(run({"cenote", "--pool-size=2"}).err,
                 "a command is missing: say check, sql, serve, health, top or jobs"));
  CHECK(contains(run({"cenote", "--nonsense"}).err, "unknown option --nonsense"));
}

SCENARIO("a mistyped option is named, and the one that was meant") {
  struct {
    std::vector<std::string> words;
    std::string told;
  } table[] = {
      {{"check", "--pool-sise", "3"}, "unknown option --pool-sise; did you mean --pool-size?"},
      {{"--pool-sise", "3", "check"}, "unknown option --pool-sise; did you mean --pool-size?"},
      {{"serve", "--pool-sise=3"}, "unknown option --pool-sise; did you mean --pool-size?"},
      {{"sql", "SELECT 1", "--pool-sise", "3"}, "unknown option --pool-sise; did you mean --pool-size?"},
      {{"check", "--jsn"}, "unknown option --jsn; did you mean --json?"},
      {{"sql", "SELECT ?", "--txt", "1"}, "unknown option --txt; did you mean --text?"},
      {{"check", "--embeded"}, "unknown option --embeded; did you mean --embedded?"},
      {{"check", "--conf", "x"}, "unknown option --conf; did you mean --config?"},
      {{"check", "--timeout", "3"}, "unknown option --timeout; did you mean --pool-timeout?"},
      {{"check", "--hlep"}, "unknown option --hlep; did you mean --help?"},
      {{"sql", "SELECT ?", "-x"}, "unknown option -x; what begins with '-' and is data goes after '--'"},
      {{"--json", "check"}, "--json must stand after the command check"},
      {{"serv"}, "unknown command 'serv': say check, sql, serve, health, top or jobs; did you mean serve?"},
      {{"--pool-size", "3", "chekc"},
       "unknown command 'chekc': say check, sql, serve, health, top or jobs; did you mean check?"},
  };
  for (auto& [words, told] : table) {
    words.insert(words.begin(), "cenote");
    auto x = run(words);
    CHECK_EQ(x.code, 2);
    CHECK_EQ(x.out, "");
    CHECK_EQ(x.err, "cenote: " + told + "\nTry 'cenote --help'.\n");
  }
}

SCENARIO("the same mistake has the same exit code in every command") {
  environment down{{"DATABASE_URI", "mysql://u:p@127.0.0.1:1/x"}};
  temporary_folder folder;
  auto bad = folder.write("bad.conf", "cenote { pool { siez = 1 } }\n");
  struct {
    std::vector<std::string> options;
    environment variables;
  } mistakes[] = {
      {{"--nonsense"}, down},
      {{"--pool-size", "0"}, down},
      {{"--config", bad}, down},
      {{"--config", folder.file("missing.conf")}, down},
      {{"--config", folder.path()}, down},
      {{}, {}},
      {{}, {{"DATABASE_URI", "nonsense"}}},
      {{}, {{"DATABASE_URI_FILE", folder.file("missing")}}},
      {{}, {{"DATABASE_URI", "mysql://h/d"}, {"POOL_SIZE", "many"}}},
  };
  for (auto& [options, variables] : mistakes)
    for (std::vector<std::string> words :
         {std::vector<std::string>{"cenote", "check"}, {"cenote", "serve"}, {"cenote", "sql", "SELECT 1"}}) {
      words.insert(words.end(), options.begin(), options.end());
      auto x = run(words, variables);
      CHECK_EQ(x.code, 2);
      CHECK_EQ(x.out, "");
    }
}

SCENARIO("mistakes in the configuration are told in the form that it asks for") {
  environment down{{"DATABASE_URI", "mysql://u:p@127.0.0.1:1/x"}};
  temporary_folder folder;
  auto wrong_value = folder.write("value.conf", "cenote { log { format = \"json\" } pool { size = 0 } }\n");
  auto unknown_key = folder.write("key.conf", "cenote { log { format = \"json\" } pool { siez = 1 } }\n");
  auto broken = folder.write("broken.conf", "cenote { log { format = \"json\" }\n pool.size = 1 }\n");
  auto unclosed = folder.write("unclosed.conf", "cenote { log { format = \"json\" }\n pool { size = 1\n");
  auto wrong_section = folder.write("section.conf", "cenote { log { format = \"json\" } }\npool { size = 1 }\n");
  for (std::vector<std::string> words : {std::vector<std::string>{"--log-format", "json", "--pool-size", "0"},
                                         {"--pool-size", "0", "--log-format=json"},
                                         {"--log-format=json", "--config", folder.file("missing.conf")},
                                         {"--log-format=json", "--nonsense"},
                                         {"--log-format=json", "--log-level=nonsense"},
                                         {"--config", wrong_value},
                                         {"--config", unknown_key},
                                         {"--config", broken},
                                         {"--config", unclosed},
                                         {"--config", wrong_section}}) {
    words.insert(words.begin(), {"cenote", "serve"});
    auto x = run(words, down);
    MESSAGE(x.err);
    CHECK_EQ(x.code, 2);
    CHECK_EQ(count(x.err, "\n"), 1u);
    auto line = nlohmann::json::parse(x.err, nullptr, false);
    CHECK(line.is_object());
    CHECK_EQ(line.value("level", ""), "CRITICAL");
  }
  auto without_uri = run({"cenote", "check", "--log-format=json"});
  CHECK(contains(without_uri.err, R"("level":"CRITICAL","message":"no database is named)"));
  // What cannot be used is not obeyed.
  CHECK(contains(run({"cenote", "check", "--log-format=jsn"}, down).err, " CRITICAL --log-format is 'jsn'"));
}

SCENARIO("a config file in the current folder sets nothing that opens ports or writes files") {
  environment down{{"DATABASE_URI", "mysql://u:p@127.0.0.1:1/x"}};
  temporary_folder folder;
  for (auto [text, key] :
       {std::pair{"middleman { prometheus-http { port = 0, address = \"0.0.0.0\" } }", "caf.middleman.prometheus-http"},
        std::pair{"logger { file { path = \"x.log\", verbosity = \"trace\" } }", "caf.logger.file."},
        std::pair{"openssl { cafile = \"/ca\" }", "caf.openssl.cafile"},
        std::pair{"middleman { workers = 3 }", "caf.middleman.workers"}}) {
    auto file = folder.write("caf.conf", std::string{"caf {\n "} + text + "\n}\n");
    for (auto command : {"check", "serve"}) {
      auto x = run({"cenote", command, "--config", file}, down);
      MESSAGE(x.err);
      CHECK_EQ(x.code, 2);
      CHECK_EQ(count(x.err, "\n"), 1u);
      CHECK(contains(x.err, std::string{file} + ":2: '" + key));
      CHECK(contains(x.err, "caf.scheduler.policy"));
    }
  }
  auto good = folder.write("good.conf", "caf { scheduler { policy = \"sharing\", max-threads = 2 } }\n");
  CHECK_EQ(run({"cenote", "check", "--config", good}, down).code, 1);
  CHECK_EQ(run({"cenote", "check", "--caf.scheduler.policy=stealing"}, down).code, 2);
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
