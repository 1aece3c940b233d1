#define CAF_SUITE actors.statement_statistics

#include "metrics/statement_statistics.hpp"

#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace std::chrono_literals;
using metrics::statement_statistics;

namespace {

std::string digests_of(const statement_statistics& x, size_t count = 10) {
  std::string out;
  for (auto& one : x.costliest(count))
    out += (out.empty() ? "" : ", ") + one.digest + " " + std::to_string(one.calls);
  return out;
}

} // namespace

SCENARIO("statements that differ in their literals count as one, the costliest comes first") {
  statement_statistics all{true};
  for (int i = 0; i < 3; ++i)
    all.find("SELECT " + std::to_string(i))->add(false, 1, 2ms);
  all.find("DELETE FROM t WHERE a = 'x'")->add(true, 0, 1s);
  CHECK_EQ(digests_of(all), "DELETE FROM t WHERE a = ? 1, SELECT ? 3");
  CHECK_EQ(digests_of(all, 1), "DELETE FROM t WHERE a = ? 1");
}

SCENARIO("calls, errors, rows and times are told") {
  statement_statistics all{true};
  for (int i = 1; i <= 99; ++i)
    all.find("SELECT 1")->add(i % 10 == 0, 2, 10ms);
  all.find("SELECT 1")->add(false, 2, 5s);
  auto one = all.costliest(1).at(0);
  CHECK_EQ(one.calls, 100u);
  CHECK_EQ(one.errors, 9u);
  CHECK_EQ(one.rows, 200u);
  CHECK(one.total == 99 * 10ms + 5s);
  CHECK(one.mean() == one.total / 100);
  CHECK(one.max == 5s);
  CHECK(one.p99 >= 10ms);
  CHECK(one.p99 <= 12'500us);
  THEN("one call more of the longest is more than one of a hundred") {
    all.find("SELECT 1")->add(false, 2, 5s);
    CHECK(all.costliest(1).at(0).p99 == 5s);
  }
}

SCENARIO("the p99 is at most a quarter too high, from a microsecond to a minute, and never above the longest") {
  for (auto took = std::chrono::nanoseconds{4us}; took < 1min; took = took * 21 / 20) {
    statement_statistics all{true};
    auto record = all.find("SELECT 1");
    for (int i = 0; i < 200; ++i)
      record->add(false, 0, took);
    record->add(false, 0, 10min);
    auto told = all.costliest(1).at(0).p99;
    CHECK(told >= took);
    CHECK(told <= took * 5 / 4 + 1us);
  }
  statement_statistics all{true};
  all.find("SELECT 1")->add(false, 0, 0s);
  all.find("SELECT 'a'")->add(false, 0, 24h);
  for (auto& one : all.costliest(2))
    CHECK(one.p99 == one.max);
}

SCENARIO("a transaction is all of its statements") {
  statement_statistics all{true};
  all.find(all_or_nothing(write("INSERT INTO t VALUES (1)"), write("DELETE FROM u")))->add(false, 1, 1ms);
  CHECK_EQ(digests_of(all), "START TRANSACTION; INSERT INTO t VALUES (?); DELETE FROM u; COMMIT 1");
}

SCENARIO("of too many digests the cheaper half is forgotten, and what is under way is not lost") {
  statement_statistics all{true};
  all.find("SELECT costly")->add(false, 0, 1h);
  auto under_way = all.find("SELECT cheap");
  for (size_t i = 0; i < 5 * statement_statistics::max_digests; ++i)
    all.find("SELECT c" + std::to_string(i))->add(false, 0, 1ms);
  CHECK_EQ(all.costliest(1).at(0).digest, "SELECT costly");
  CHECK(all.costliest(SIZE_MAX).size() <= statement_statistics::max_digests);
  CHECK(all.costliest(SIZE_MAX).size() >= statement_statistics::max_digests / 2);
  under_way->add(false, 0, 1ms);
}

SCENARIO("what is switched off measures nothing, and forgets what it has measured") {
  statement_statistics all{true};
  auto under_way = all.find("SELECT 1");
  all.find("SELECT 2")->add(false, 0, 1ms);
  all.enable(false);
  CHECK(all.find("SELECT 1") == nullptr);
  under_way->add(false, 0, 1ms);
  CHECK_EQ(digests_of(all), "");
  all.enable(true);
  all.find("SELECT 3")->add(false, 0, 1ms);
  CHECK_EQ(digests_of(all), "SELECT ? 1");
}
