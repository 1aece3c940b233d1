// What `cenote top` makes of what a program answers, which may be anything.

#define CAF_SUITE top.view

#include "app/top_view.hpp"

#include <random>
#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::app;

namespace {

http::fetched ok(std::string body) {
  return {200, std::move(body), {}};
}

/// A program that works.
top_answers answers() {
  top_answers out;
  out.status = ok(R"({"version":1,"program":"0.1.0","state":{"name":"degraded","since":90.5,
    "reasons":["callers wait for a connection","no"]},"status":{"pool":"bato","endpoint":"db:3306","initialized":true,
    "draining":false,"paused":false,"checked_in":2,"checked_out":8,"in_flight":12,"waiting":0,"connecting":1,
    "limit":15,"last_error":null,"breaker":"closed"},"settings":{}})");
  out.history = ok(R"({"version":1,"interval":5.0,"samples":[
    {"at":100,"connections":{"closing":1},"statements_per_second":7,"wait":{"p50":0.001,"p99":0.002},
     "statement":{"p50":0.01,"p99":0.02},"errors":{"deadlock":1},"failed_connects":{"timeout":4},"retries":{},"breaker":{"db:3306":"closed"}},
    {"at":103,"connections":{"closing":2},"statements_per_second":9,"wait":{"p50":null,"p99":null},
     "statement":{"p50":0.03,"p99":0.04},"errors":{"deadlock":2,"circuit_open":1},"retries":{"deadlock":3},
     "breaker":{"db:3306":"half_open"}}]})");
  out.sessions = ok(R"({"sessions":[{"session":"7","connection":"3","owner":"import","age":12.5,"in_transaction":true,
    "last_statement":"UPDATE t","running":0.5},{"session":"9","age":1,"last_statement":null,"running":null}]})");
  out.connections = ok(R"({"connections":[{"id":"1","state":"idle","statement":null,"running":null},
    {"id":"2","state":"in_use","statement":"SELECT 1","running":0.1,"server_connection_id":"12"},
    {"id":"3","state":"session","statement":"SELECT 2","running":0.2}]})");
  out.statements = ok(R"({"enabled":true,"statements":[{"digest":"SELECT ?","calls":3,"errors":1,"rows":5,"total":2.5,
    "mean":0.8,"p99":1.5,"max":1.6}]})");
  out.events =
      ok(R"({"events":[{"at":1,"kind":"lost","text":"first"},{"at":2,"kind":"opened","count":3,"text":"second"}]})");
  return out;
}

} // namespace

SCENARIO("what a program tells is understood") {
  auto x = read_answers(answers());
  CHECK_EQ(x.problem, "");
  CHECK_EQ(x.version, "0.1.0");
  CHECK_EQ(x.pool, "bato");
  CHECK_EQ(x.in_use, 8);
  CHECK_EQ(x.limit, 15);
  CHECK_EQ(x.state, "degraded");
  CHECK_EQ(x.state_since.value(), 90.5);
  REQUIRE_EQ(x.state_reasons.size(), 2u);
  CHECK_EQ(x.state_reasons[0], "callers wait for a connection");
  REQUIRE(x.history);
  CHECK_EQ(x.history->closing, 2);
  CHECK_EQ(x.history->statements_per_second, 9);
  REQUIRE(x.sessions);
  REQUIRE_EQ(x.sessions->size(), 2u);
  CHECK_EQ(x.sessions->front().owner, "import");
  CHECK(x.sessions->front().in_transaction);
  CHECK(!x.sessions->back().running);
  REQUIRE(x.statements);
  CHECK_EQ(x.statements->front().p99, 1.5);
}

SCENARIO("errors and retries are those of both samples, quantiles those of the newest that has some") {
  auto x = read_answers(answers()).history.value();
  CHECK_EQ(x.errors.at("deadlock"), 3);
  CHECK_EQ(x.errors.at("circuit_open"), 1);
  CHECK_EQ(x.errors.at("connect: timeout"), 4);
  CHECK_EQ(x.retries.at("deadlock"), 3);
  CHECK_EQ(x.span, 8);
  CHECK_EQ(x.wait.p99.value(), 0.002);
  CHECK_EQ(x.statement.p99.value(), 0.04);
  CHECK_EQ(x.breakers.at("db:3306"), "half_open");
}

SCENARIO("only connections that run something are listed, the longest first, and the newest event first") {
  auto x = read_answers(answers());
  REQUIRE_EQ(x.running->size(), 2u);
  CHECK_EQ(x.running->front().connection, "3");
  CHECK_EQ(x.running->back().server_connection_id, "12");
  CHECK_EQ(x.events->front().text, "second (and 2 more like this)");
}

SCENARIO("a pool node is told with its clients, those with the most work first") {
  auto all = answers();
  CHECK(!read_answers(all).node);
  all.status = ok(R"({"status":{},"node":{"name":"n","address":"0.0.0.0:4243","tls":true,"draining":true,"greeted":9,
    "turned_away":2,"lost":1,"clients":[{"name":"idle","address":"10.0.0.1:5"},{"name":"busy","address":"10.0.0.2:6",
    "connected":2.5,"in_flight":3,"waiting":2,"sessions":1,"answered":70,"failed":7},null]}})");
  auto x = read_answers(all).node;
  REQUIRE(x);
  CHECK_EQ(x->address, "0.0.0.0:4243");
  CHECK(x->tls);
  CHECK(x->draining);
  CHECK_EQ(x->turned_away, 2);
  CHECK_EQ(x->lost, 1);
  REQUIRE_EQ(x->clients.size(), 3u);
  CHECK_EQ(x->clients[0].name, "busy");
  CHECK_EQ(x->clients[0].waiting, 2);
  CHECK_EQ(x->clients[0].answered, 70);
  CHECK_EQ(x->clients[1].name, "idle");
}

SCENARIO("what an older program does not tell is not available, and the rest is shown") {
  auto all = answers();
  for (auto part : {&all.history, &all.sessions, &all.connections, &all.statements, &all.events})
    *part = {404, "there is nothing here\n", {}};
  auto x = read_answers(all);
  CHECK_EQ(x.problem, "");
  CHECK(!x.history);
  CHECK(!x.sessions);
  CHECK(!x.running);
  CHECK(!x.statements);
  CHECK(!x.events);
  CHECK(x.events.error().starts_with("not available"));
  CHECK_EQ(x.state, "degraded");
}

SCENARIO("statements that are not counted are told so") {
  auto all = answers();
  all.statements = ok(R"({"enabled":false,"statements":[]})");
  auto x = read_answers(all);
  REQUIRE(!x.statements);
  CHECK_EQ(x.statements.error(), "not counted: pool.statement-statistics is off");
}

SCENARIO("a program that does not answer, or wants a token, is told in words") {
  auto told = [](http::fetched status) {
    auto all = answers();
    all.status = std::move(status);
    auto x = read_answers(all);
    CHECK_EQ(x.state, "unreachable");
    return x.problem;
  };
  CHECK_EQ(told({0, {}, "Connection refused"}), "does not answer: Connection refused");
  CHECK(told({401, {}, {}}).find("--http-token-file") != std::string::npos);
  CHECK(told({404, {}, {}}).find("is not cenote serve") != std::string::npos);
  CHECK_EQ(told({503, "the pool has not told its status yet\n", {}}), "answers: the pool has not told its status yet");
  CHECK(told({200, "<html>", {}}).find("not in JSON") != std::string::npos);
  CHECK(told({500, "", {}}).find("answers 500") != std::string::npos);
}

SCENARIO("answers of another shape, or broken ones, are borne") {
  for (auto body :
       {"", "null", "[]", "{}", "1e999", "{\"status\":[]}", R"({"status":{"checked_in":"many","limit":-4}})",
        R"({"samples":{}})", R"({"samples":[null,7]})", R"({"samples":[{"errors":[1],"breaker":7}]})",
        R"({"sessions":[null,{"age":"x","owner":{}}],"connections":[3],"statements":[[]],"events":[{}]})",
        R"({"state":7})", R"({"state":{"name":[],"since":"x","reasons":[1,null]}})", R"({"state":{"reasons":{}}})"}) {
    top_answers all{ok(body), ok(body), ok(body), ok(body), ok(body), ok(body)};
    read_answers(all);
    all.status = answers().status;
    auto x = read_answers(all);
    CHECK_EQ(x.problem, "");
  }
  std::minstd_rand dice{7};
  auto whole = answers();
  for (int i = 0; i < 2000; ++i) {
    auto all = whole;
    for (auto part : {&all.history, &all.sessions, &all.connections, &all.statements, &all.events})
      part->body[dice() % part->body.size()] = static_cast<char>(dice());
    read_answers(all);
  }
  std::string deep(100'000, '[');
  read_answers({ok(deep), ok(deep), ok(deep), ok(deep), ok(deep), ok(deep)});
}
