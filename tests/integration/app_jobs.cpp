// `cenote jobs`: what operators type, against private databases.

#define CAF_SUITE app.jobs

#include "integration/app_http_client.hpp"
#include "integration/app_program.hpp"
#include "support/server.hpp"

#include <csignal>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

using words = std::vector<std::string>;
using nlohmann::json;

/// A new database of the shared server.
class job_database {
public:
  explicit job_database(bool with_tables = true) {
    static int number = 0;
    auto name = "app_jobs_" + std::to_string(++number);
    auto& all = shared_server().uri();
    REQUIRE_EQ(run({"cenote", "sql", "CREATE OR REPLACE DATABASE " + name}, {{"DATABASE_URI", all}}).code, 0);
    uri_ = all.substr(0, all.rfind('/') + 1) + name;
    if (with_tables)
      REQUIRE_EQ(jobs({"migrate"}).code, 0);
  }

  const std::string& uri() const { return uri_; }
  environment variables() const { return {{"DATABASE_URI", uri_}}; }

  ended jobs(const words& command, std::string_view input = "") const {
    words all{"cenote", "jobs"};
    all.insert(all.end(), command.begin(), command.end());
    return run(all, variables(), input);
  }

  /// What a command prints that must succeed.
  std::string out(const words& command, std::string_view input = "") const {
    auto x = jobs(command, input);
    MESSAGE(x.err);
    CHECK_EQ(x.code, 0);
    CHECK_EQ(x.err, "");
    return x.out;
  }

  json object(words command) const {
    command.emplace_back("--json");
    return json::parse(out(command), nullptr, false);
  }

  /// The id of a new job.
  std::string submit(words more = {}, const std::string& kind = "scrape") const {
    words command{"submit", kind, R"({"n": 1})"};
    command.insert(command.end(), more.begin(), more.end());
    auto id = out(command);
    if (!id.empty())
      id.pop_back(); // The line's end.
    return id;
  }

  std::string state(const std::string& id) const { return object({"show", id})["jobs"][0]["state"].get<std::string>(); }

  void sql(const std::string& text) const {
    auto x = run({"cenote", "sql", text}, variables());
    MESSAGE(x.err);
    REQUIRE_EQ(x.code, 0);
  }

  /// As if a worker had done it.
  void end(const std::string& id, int state, const std::string& error = "") const {
    sql("UPDATE cenote_job SET state = " + std::to_string(state)
        + ", attempt = 1, ended_at = created_at, error = NULLIF('" + error + "', '') WHERE id = UNHEX(REPLACE('" + id
        + "', '-', ''))");
  }

private:
  std::string uri_;
};

/// Runs a command that must fail with one line, and returns that line.
std::string reason(const job_database& db, const words& command, int code = 1, std::string_view input = "") {
  auto x = db.jobs(command, input);
  MESSAGE(x.err);
  CHECK_EQ(x.code, code);
  CHECK_EQ(x.out, "");
  CHECK_EQ(count(x.err, "\n"), code == 2 && contains(x.err, "Try 'cenote --help'") ? 2u : 1u);
  return x.err;
}

} // namespace

SCENARIO("migrate creates the tables, and nothing the second time") {
  job_database db{false};
  auto first = db.object({"migrate"});
  CHECK_EQ(first["before"].get<int>(), 0);
  CHECK(first["after"].get<int>() >= 2);
  CHECK(!first["steps"].empty());
  auto second = db.out({"migrate"});
  CHECK(contains(second, "already"));
  CHECK_EQ(count(second, "\n"), 1u);
}

SCENARIO("without the tables every command says which one creates them") {
  job_database db{false};
  for (auto& command : std::vector<words>{{"list"},
                                          {"show", "01939c9e"},
                                          {"submit", "scrape", "{}"},
                                          {"retry", "01939c9e"},
                                          {"cancel", "--all", "--queue", "mail"},
                                          {"discard", "01939c9e"},
                                          {"pause", "mail"},
                                          {"resume", "mail"},
                                          {"stats"},
                                          {"prune", "--older-than", "7d"}})
    CHECK(contains(reason(db, command),
                   "the tables of the jobs do not exist in this database: run 'cenote jobs migrate'"));
}

SCENARIO("tables of a later version are read, and not written") {
  job_database db;
  auto id = db.submit();
  db.sql("INSERT INTO cenote_job_migration (version, applied_at) VALUES (99, 0)");
  for (auto& command : std::vector<words>{{"submit", "scrape", "{}"},
                                          {"retry", id},
                                          {"cancel", id},
                                          {"discard", id},
                                          {"pause", "mail"},
                                          {"resume", "mail"},
                                          {"prune", "--older-than", "0"}})
    CHECK(contains(reason(db, command), "have version 99, but this program knows only version"));
  CHECK(contains(reason(db, {"migrate"}), "have version 99, but this program knows only version"));
  CHECK(contains(db.out({"list"}), id));
  CHECK(contains(db.out({"show", id}), id));
  CHECK(contains(db.out({"stats"}), "scrape"));
}

SCENARIO("a job that is submitted is listed and shown with all that was said") {
  job_database db;
  auto id = db.submit({"--queue", "web", "--priority", "-5", "--delay", "2h", "--attempts=3", "--unique", "k,1",
                       "--tag", "a", "--tag", "b", "--time-limit", "90s"});
  auto list = db.out({"list"});
  CHECK(contains(list, id));
  CHECK(contains(list, "scheduled"));
  CHECK(contains(list, "0/3"));
  CHECK(contains(list, "in 1"));
  auto listed = db.object({"list"})["jobs"];
  REQUIRE_EQ(listed.size(), 1u);
  CHECK_EQ(listed[0]["id"].get<std::string>(), id);
  auto job = db.object({"show", id.substr(0, 20)})["jobs"][0];
  CHECK_EQ(job["queue"].get<std::string>(), "web");
  CHECK_EQ(job["priority"].get<int>(), -5);
  CHECK_EQ(job["unique_key"].get<std::string>(), "k,1");
  CHECK_EQ(job["tags"].dump(), R"(["a","b"])");
  CHECK_EQ(job["time_limit_seconds"].get<double>(), 90.0);
  CHECK_EQ(job["payload"].dump(), R"({"n":1})");
  CHECK_EQ(job["max_attempts"].get<int>(), 3);
  auto page = db.out({"show", id});
  CHECK(contains(page, "k,1 (until it ends)"));
  CHECK(contains(page, "  {\n    \"n\": 1\n  }\n"));
}

SCENARIO("a second job with a unique key is not stored, and the first one's id is told") {
  job_database db;
  auto first = db.submit({"--unique", "daily"});
  auto second = db.jobs({"submit", "scrape", "{}", "--unique", "daily"});
  CHECK_EQ(second.code, 0);
  CHECK_EQ(second.out, first + "\n");
  CHECK(contains(second.err, "holds the unique key daily"));
  CHECK_EQ(db.object({"list"})["jobs"].size(), 1u);
}

SCENARIO("payloads of all kinds arrive as they are") {
  job_database db;
  for (auto& payload : words{"[1,2]", "-5", "\"text\"", "null", "{\"a\": \"\\u001b[31m\"}"}) {
    auto id = db.out({"submit", "scrape", payload});
    id.pop_back();
    CHECK_EQ(db.object({"show", id})["jobs"][0]["payload"].dump(), json::parse(payload).dump());
  }
  auto id = db.out({"submit", "scrape", "-"}, "{\"from\": \"standard input\"}\n");
  id.pop_back();
  CHECK(contains(db.out({"show", id}), "\"from\": \"standard input\""));
}

SCENARIO("a submission that makes no sense is refused before anything is tried") {
  job_database db;
  struct {
    words command;
    std::string told;
  } rows[] = {
      {{"submit", "scrape", "{\"a\": 1"}, "the payload is no JSON: "},
      {{"submit", "scrape", ""}, "payload is empty"},
      {{"submit", "scrape", "-"}, "standard input has no payload"},
      {{"submit", "", "{}"}, "kind is empty"},
      {{"submit", "scrape", "{}", "--priority", "20000"}, "--priority is out of range -10000 to 10000"},
      {{"submit", "scrape", "{}", "--priority", "high"}, "'high' is no whole number"},
      {{"submit", "scrape", "{}", "--attempts", "0"}, "--attempts is out of range 1 to 10000"},
      {{"submit", "scrape", "{}", "--attempts", "-1"}, "--attempts is out of range 1 to 10000"},
      {{"submit", "scrape", "{}", "--delay", "soon"}, "--delay: 'soon' is no span of time"},
      {{"submit", "scrape", "{}", "--at", "tomorrow"}, "--at: 'tomorrow' is no time with a zone"},
      {{"submit", "scrape", "{}", "--time-limit", "0"}, "--time-limit is out of range 1 ms to 30 days"},
      {{"submit", "scrape", "{}", "--tag", "a,b"}, "has a comma, which separates tags"},
      {{"submit", "scrape", "{}", "--queue", std::string(65, 'q')}, "--queue has 65 characters"},
      {{"submit", "scrape"}, "PAYLOAD is required"},
      {{"list", "--state", "dun"}, "--state: there is no state 'dun'"},
      {{"list", "--state", "don"}, "did you mean done?"},
      {{"list", "--limit", "0"}, "'0' is no number from 1 to 10000"},
      {{"list", "--quue", "x"}, "unknown option --quue; did you mean --queue?"},
      {{"lst"}, "unknown command 'jobs lst': say migrate, list, show"},
      {{}, "a command is missing after jobs: say migrate, list, show"},
      {{"show"}, "ID is required"},
      {{"show", "xyz"}, "'xyz' is no id of a job"},
      {{"show", "019"}, "'019' is no id of a job"},
      {{"retry"}, "say which jobs: ids, or --all with --queue, --kind, --state or --tag"},
      {{"retry", "--all"}, "--all needs --queue, --kind, --state or --tag with it"},
      {{"retry", "--kind", "scrape"}, "add --all if all jobs that match are meant"},
      {{"retry", "01939c9e", "--all", "--kind", "scrape"}, "ids and filters exclude each other"},
      {{"retry", "--all", "--state", "done"}, "--state done makes no sense here"},
      {{"cancel", "--all", "--state", "done"}, "--state done makes no sense here"},
      {{"prune", "--older-than", "-1"}, "--older-than: '-1' is no span of time"},
      {{"prune", "--older-than", "7d", "--state", "waiting"}, "--state waiting makes no sense here"},
      {{"prune"}, "--older-than is required"},
      {{"pause", ""}, "the queue is empty"},
  };
  for (auto& [command, told] : rows) {
    auto text = reason(db, command, 2);
    CHECK_EQ(std::pair(command, contains(text, told)), std::pair(command, true));
  }
  CHECK_EQ(db.object({"list"})["jobs"].size(), 0u);
}

SCENARIO("each command has its help") {
  for (auto command :
       {"migrate", "list", "show", "submit", "retry", "cancel", "discard", "pause", "resume", "stats", "prune"}) {
    auto x = run({"cenote", "jobs", command, "--help"});
    CHECK_EQ(x.code, 0);
    CHECK(contains(x.out, "Examples:"));
    CHECK(contains(x.out, "Exit codes:"));
    CHECK(contains(x.out, "--json"));
    CHECK(contains(x.out, "--node"));
  }
  CHECK(contains(run({"cenote", "jobs", "--help"}).out, "cenote jobs stats"));
}

SCENARIO("ids that are unknown or ambiguous are told, and others are done all the same") {
  job_database db;
  auto unknown = "01939c9e-7a2f-7c3d-9b1e-6f2a4c8d0e5f";
  for (auto command : {"show", "retry", "cancel", "discard"})
    CHECK(contains(reason(db, {command, unknown}), std::string{"there is no job "} + unknown));
  auto first = db.submit();
  auto second = db.submit();
  CHECK(contains(reason(db, {"show", first.substr(0, 6)}),
                 "several jobs have ids that begin with " + first.substr(0, 6)));
  auto x = db.jobs({"cancel", unknown, first});
  CHECK_EQ(x.code, 1);
  CHECK_EQ(x.out, "cancelled 1 job\n");
  CHECK(contains(x.err, "there is no job"));
  CHECK_EQ(db.state(first), "cancelled");
  CHECK_EQ(db.state(second), "waiting");
}

SCENARIO("jobs are cancelled, discarded and done again, as far as their state allows it") {
  job_database db;
  auto id = db.submit();
  CHECK_EQ(db.out({"cancel", id}), "cancelled 1 job\n");
  CHECK_EQ(db.state(id), "cancelled");
  CHECK(contains(reason(db, {"cancel", id}), "is cancelled: only jobs that have not ended can be cancelled"));
  CHECK(contains(reason(db, {"discard", id}), "is cancelled: only jobs that have not ended can be discarded"));
  CHECK_EQ(db.out({"retry", id}), "retried 1 job\n");
  CHECK_EQ(db.state(id), "waiting");
  CHECK(contains(reason(db, {"retry", id}),
                 "is waiting: only scheduled, discarded and cancelled jobs can be done again"));
  CHECK_EQ(db.out({"discard", id, "--reason", "gone\x1b[31m"}), "discarded 1 job\n");
  auto job = db.object({"show", id})["jobs"][0];
  CHECK_EQ(job["state"].get<std::string>(), "discarded");
  CHECK(contains(job["error"].get<std::string>(), "gone"));
  auto later = db.submit({"--delay", "1h"});
  CHECK_EQ(db.out({"retry", later}), "retried 1 job\n");
  CHECK_EQ(db.state(later), "waiting");
}

SCENARIO("all jobs that match are changed") {
  job_database db;
  for (auto i = 0; i < 3; ++i)
    db.end(db.submit(), 5, "it failed");
  db.end(db.submit({}, "other"), 5);
  db.submit({"--queue", "mail", "--tag", "x"});
  db.submit({"--queue", "mail"});
  CHECK_EQ(db.object({"retry", "--all", "--kind", "scrape", "--state", "discarded"})["retried"].get<int>(), 3);
  CHECK_EQ(db.out({"retry", "--all", "--kind", "scrape"}), "retried 0 jobs\n");
  CHECK_EQ(db.out({"discard", "--all", "--tag", "x", "--queue=mail"}), "discarded 1 job\n");
  CHECK_EQ(db.out({"cancel", "--all", "--kind", "scrape"}), "cancelled 4 jobs\n");
  CHECK_EQ(db.object({"list", "--state", "cancelled"})["jobs"].size(), 4u);
  CHECK_EQ(db.object({"list", "--tag", "x"})["jobs"].size(), 1u);
  CHECK_EQ(db.object({"list", "--kind", "other", "--state", "discarded", "--state", "done"})["jobs"].size(), 1u);
  CHECK_EQ(db.object({"list", "--queue", "mail", "--limit", "1"})["jobs"].size(), 1u);
}

SCENARIO("hundreds of jobs are changed in batches") {
  job_database db;
  db.submit();
  db.sql(
      "INSERT INTO cenote_job (id, queue, kind, state, place, priority, max_attempts, created_at, run_at, time_limit, "
      "backoff_first, backoff_longest, payload) SELECT UNHEX(MD5(seq)), 'default', 'bulk', 5, seq, 0, 20, seq, seq, "
      "1000000, 1000, 1000, '{}' FROM seq_1_to_250");
  CHECK_EQ(db.out({"retry", "--all", "--kind", "bulk"}), "retried 250 jobs\n");
  CHECK_EQ(db.out({"cancel", "--all", "--kind", "bulk"}), "cancelled 250 jobs\n");
}

SCENARIO("what could act on a terminal is not printed as it is") {
  job_database db;
  auto id = db.submit({"--tag", "\x1b[31mred"});
  db.sql("UPDATE cenote_job SET state = 5, ended_at = created_at, error = CHAR(27, 91, 51, 49, 109 USING utf8mb4), "
         "payload = "
         "CONCAT('{\"a\": \"', CHAR(0xc2, 0x9b USING utf8mb4), '\"}')");
  for (auto& command : std::vector<words>{{"list"}, {"show", id}}) {
    auto text = db.out(command);
    CHECK(!contains(text, "\x1b"));
    CHECK(!contains(text, "\xc2\x9b"));
    CHECK(contains(text, "\\x1b[31m"));
  }
}

SCENARIO("queues are paused and resumed, and stats shows it") {
  job_database db;
  db.submit({"--queue", "mail"});
  db.submit({"--queue", "mail", "--delay", "1h"});
  db.end(db.submit(), 4);
  CHECK_EQ(db.out({"pause", "mail"}), "The queue mail is paused.\n");
  auto stats = db.object({"stats"});
  REQUIRE_EQ(stats["kinds"].size(), 2u);
  auto mail = stats["kinds"][1];
  CHECK_EQ(mail["queue"].get<std::string>(), "mail");
  CHECK_EQ(mail["waiting"].get<int>(), 1);
  CHECK_EQ(mail["scheduled"].get<int>(), 1);
  CHECK(mail["oldest_seconds"].get<double>() > 0);
  CHECK_EQ(mail["paused"].get<bool>(), true);
  CHECK_EQ(stats["kinds"][0]["done"].get<int>(), 1);
  CHECK(contains(db.out({"stats"}), "mail"));
  CHECK_EQ(db.object({"stats", "--queue", "mail"})["kinds"].size(), 1u);
  CHECK_EQ(db.object({"resume", "mail"})["paused"].get<bool>(), false);
  CHECK_EQ(db.object({"stats"})["kinds"][1]["paused"].get<bool>(), false);
  auto mistyped = db.jobs({"pause", "mial"});
  CHECK_EQ(mistyped.code, 0);
  CHECK(contains(mistyped.err, "there are no jobs in the queue mial"));
}

SCENARIO("stats says when there are more than it counts, and who works") {
  job_database db;
  db.sql("INSERT INTO cenote_job (id, queue, kind, state, place, priority, max_attempts, created_at, run_at, ended_at, "
         "time_limit, backoff_first, backoff_longest, payload) SELECT UNHEX(MD5(seq)), 'default', 'bulk', 4, seq, 0, "
         "20, seq, "
         "seq, seq, 1000000, 1000, 1000, '{}' FROM seq_1_to_10500");
  db.sql(
      "INSERT INTO cenote_job_node VALUES ('somebody', 0, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) + "
      "15000000)");
  auto text = db.out({"stats"});
  CHECK(contains(text, ">10000"));
  CHECK(contains(text, "somebody"));
  auto stats = db.object({"stats"});
  CHECK_EQ(stats["kinds"][0]["done"].get<int>(), 10000);
  CHECK_EQ(stats["kinds"][0]["more_ended"].get<bool>(), true);
  CHECK(stats["nodes"][0]["lease_seconds"].get<double>() > 0);
  CHECK_EQ(db.out({"prune", "--older-than", "1h", "--state", "done"}), "removed 10500 jobs\n");
  CHECK_EQ(db.object({"stats"})["kinds"].size(), 0u);
}

SCENARIO("prune keeps what is younger, unfinished, or still holds its key") {
  job_database db;
  auto waiting = db.submit();
  auto young = db.submit();
  db.end(young, 4);
  auto old = db.submit();
  db.end(old, 4);
  auto holder = db.submit({"--unique", "k"});
  db.end(holder, 4);
  db.sql("UPDATE cenote_job SET unique_until = 9000000000000000 WHERE unique_key IS NOT NULL");
  db.sql("UPDATE cenote_job SET ended_at = 1 WHERE id <> UNHEX(REPLACE('" + young + "', '-', ''))");
  CHECK_EQ(db.object({"prune", "--older-than", "1d"})["removed"].get<int>(), 1);
  auto left = db.out({"list"});
  CHECK(contains(left, waiting));
  CHECK(contains(left, young));
  CHECK(contains(left, holder));
  CHECK(!contains(left, old));
}

SCENARIO("a server that is down is told in one line") {
  private_server server;
  environment down{{"DATABASE_URI", server.uri()}};
  server.stop();
  auto x = run({"cenote", "jobs", "stats"}, down);
  CHECK_EQ(x.code, 1);
  CHECK_EQ(x.out, "");
  CHECK_EQ(count(x.err, "\n"), 1u);
  CHECK(contains(x.err, " CRITICAL "));
}

SCENARIO("all of it works through a pool node") {
  job_database db{false};
  program serve{{"cenote", "serve", "--pool-size=2", "--node-listen=127.0.0.1:0"}, db.variables()};
  const std::string intro = "the pool is published at ";
  REQUIRE(serve.logs(intro));
  REQUIRE(serve.logs("ready: "));
  auto log = serve.logged();
  auto begin = log.find(intro) + intro.size();
  auto node = log.substr(begin, log.find(',', begin) - begin);
  auto through = [&node](words command) {
    command.insert(command.begin(), {"cenote", "jobs"});
    command.insert(command.end(), {"--node", node});
    auto x = run(command);
    MESSAGE(x.err);
    CHECK_EQ(x.code, 0);
    return x.out;
  };
  CHECK(contains(through({"migrate"}), "now"));
  auto id = through({"submit", "scrape", "{}", "--delay", "1h"});
  id.pop_back();
  CHECK(contains(through({"list"}), id));
  CHECK_EQ(through({"cancel", id}), "cancelled 1 job\n");
  serve.signal(SIGTERM);
  CHECK_EQ(serve.wait().code, 0);
}

// -- cenote serve -------------------------------------------------------------------

namespace {

/// `cenote serve` of a database, which answers HTTP.
struct service {
  explicit service(const job_database& db)
      : running{{"cenote", "serve", "--pool-size=2", "--log-status-interval=0"}, serve_environment(db.uri())},
        port{port_of(running)} {
    // nop
  }

  json status() const {
    auto answer = ask(port, "GET /status");
    return answer.status == 200 ? json::parse(answer.body, nullptr, false) : json{};
  }

  program running;
  uint16_t port;
};

} // namespace

SCENARIO("serve counts the jobs of its database, and gives back those of lost workers") {
  job_database db;
  db.submit({"--queue", "mail"});
  db.end(db.submit(), 5, "it failed");
  auto orphan = db.submit({"--queue", "lost", "--attempts", "5"});
  db.sql("UPDATE cenote_job SET state = 2, attempt = 1, node = 'gone' WHERE queue = 'lost'");
  service serve{db};
  REQUIRE_NE(serve.port, 0);
  REQUIRE(serve.running.logs("keeping house"));
  REQUIRE(within(20s, [&] { return serve.status().contains("jobs"); }));
  auto jobs = serve.status()["jobs"];
  REQUIRE_EQ(jobs["queues"].size(), 3u);
  CHECK_EQ(jobs["queues"][0]["discarded"].get<int>(), 1);
  CHECK_EQ(jobs["queues"][2]["queue"].get<std::string>(), "mail");
  CHECK_EQ(jobs["queues"][2]["waiting"].get<int>(), 1);
  CHECK(jobs["queues"][2]["oldest"].get<double>() > 0);
  auto metrics = ask(serve.port, "GET /metrics").body;
  CHECK(contains(metrics, "kind=\"scrape\",queue=\"mail\",state=\"waiting\"} 1"));
  CHECK(contains(metrics, "state=\"discarded\"} 1"));
  CHECK(contains(metrics, "cenote_job_oldest_age_seconds{"));
  CHECK(contains(metrics, "cenote_job_nodes{"));
  CHECK(within(60s, [&] { return db.state(orphan) != "running"; }));
  serve.running.signal(SIGTERM);
  auto ended = serve.running.wait();
  CHECK_EQ(ended.code, 0);
  CHECK(!contains(ended.err, "CRITICAL"));
  CHECK_EQ(db.object({"stats"})["nodes"].size(), 0u);
}

SCENARIO("serve without the tables of jobs says nothing of them, and asks for nothing that is not there") {
  job_database db{false};
  service serve{db};
  REQUIRE_NE(serve.port, 0);
  REQUIRE(serve.running.logs("ready: "));
  REQUIRE(within(20s, [&] { return serve.status().is_object(); }));
  CHECK(!serve.status().contains("jobs"));
  auto metrics = ask(serve.port, "GET /metrics").body;
  CHECK(!contains(metrics, "cenote_jobs{"));
  CHECK(!contains(metrics, "error_type=\"rejected\""));
  serve.running.signal(SIGTERM);
  auto ended = serve.running.wait();
  CHECK_EQ(ended.code, 0);
  CHECK(!contains(ended.err, "WARNING"));
}
