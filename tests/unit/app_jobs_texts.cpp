// How `cenote jobs` reads what is typed, and lays out what it shows. No server.

#define CAF_SUITE app.jobs_texts

#include "app/jobs/options.hpp"
#include "app/jobs/texts.hpp"

#include <chrono>
#include <optional>
#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::app;
using namespace std::chrono_literals;

namespace {

server_clock::time_point at(int64_t seconds_since_1970) {
  return server_clock::time_point{std::chrono::seconds{seconds_since_1970}};
}

} // namespace

SCENARIO("spans of time are read with units, and days as well") {
  CHECK(parse_span("7d") == std::optional<std::chrono::nanoseconds>{7 * 24h});
  CHECK(parse_span("0.5d") == std::optional<std::chrono::nanoseconds>{12h});
  CHECK(parse_span("90min") == std::optional<std::chrono::nanoseconds>{90min});
  CHECK(parse_span("30") == std::optional<std::chrono::nanoseconds>{30s});
  CHECK(parse_span("0") == std::optional<std::chrono::nanoseconds>{0s});
  for (auto text : {"", "d", "7 d", "-1", "-1d", "1e3d", "99999999d", "7days", "infd", "nan", "soon"})
    CHECK(!parse_span(text));
}

SCENARIO("times are read as RFC 3339 writes them, and only with a zone") {
  CHECK(parse_instant("1970-01-01T00:00:00Z") == std::optional{at(0)});
  CHECK(parse_instant("2026-12-24T18:00:00Z") == std::optional{at(1'798'135'200)});
  CHECK(parse_instant("2026-12-24 19:00:00+01:00") == std::optional{at(1'798'135'200)});
  CHECK(parse_instant("2026-12-24t12:30:00-05:30") == std::optional{at(1'798'135'200)});
  CHECK(parse_instant("2024-02-29T00:00:00.25z") == std::optional{at(1'709'164'800) + 250ms});
  for (auto text :
       {"", "2026-12-24", "2026-12-24T18:00:00", "2026-12-24T18:00Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-12-24T24:00:00Z", "2026-12-24T18:60:00Z", "2026-12-24T18:00:60Z", "2026-12-24T18:00:00.Z",
        "2026-12-24T18:00:00+0100", "2026-12-24T18:00:00Z ", " 2026-12-24T18:00:00Z", "1969-12-31T23:59:59Z",
        "9999-01-01T00:00:00Z", "+026-12-24T18:00:00Z", "tomorrow"})
    CHECK(!parse_instant(text));
}

SCENARIO("what was read as a time is written as the same") {
  for (auto text : {"1970-01-01T00:00:00Z", "2026-12-24T18:00:00Z", "2199-12-31T23:59:59.000001Z"})
    CHECK_EQ(time_text(parse_instant(text).value()), text);
}

SCENARIO("the beginning of an id stands for all ids that begin so") {
  auto range = parse_id_prefix("0193-9C").value();
  CHECK_EQ(to_string(range.first), "01939c00-0000-0000-0000-000000000000");
  CHECK_EQ(to_string(range.last), "01939cff-ffff-ffff-ffff-ffffffffffff");
  auto whole = parse_id_prefix("01939c9e-7a2f-7c3d-9b1e-6f2a4c8d0e5f").value();
  CHECK(whole.first == whole.last);
  for (auto text : {"", "019", "01939g", "01939c9e-7a2f-7c3d-9b1e-6f2a4c8d0e5f0", "019 39c", "--------"})
    CHECK(!parse_id_prefix(text));
}

SCENARIO("times are told from now") {
  struct {
    int64_t seconds;
    const char* text;
  } rows[] = {{0, "now"},         {5, "in 5 s"},       {-5, "5 s ago"},
              {119, "in 119 s"},  {-180, "3 min ago"}, {7199, "in 119 min"},
              {-7200, "2 h ago"}, {172'800, "in 2 d"}, {-31'536'000, "365 d ago"}};
  auto now = at(1'700'000'000);
  for (auto& [seconds, text] : rows)
    CHECK_EQ(relative_time(now + std::chrono::seconds{seconds}, now), text);
  CHECK_EQ(relative_time(now - 400ms, now), "now");
}

SCENARIO("what is no JSON is told with the place") {
  for (auto text : {"{}", "[]", "1", "-0.5e3", "\"a\"", "null", " {\"a\": [1, {\"b\": true}]} "})
    CHECK_EQ(find_json_problem(text), "");
  for (auto text : {"{", "{\"a\" 1}", "[1,]", "nul", "{} {}", "'a'", "\"\n\""})
    CHECK_NE(find_json_problem(text).find("line"), std::string::npos);
  std::string deep(100'000, '[');
  CHECK_NE(find_json_problem(deep), "");
  CHECK(embedded_json(deep).is_string());
  CHECK(embedded_json("{\"a\":").is_string());
  CHECK(embedded_json("[1]").is_array());
}

SCENARIO("a list shows when something happened or will, and a short error") {
  auto now = at(1'700'000'000);
  job_status x;
  x.id = parse_job_id("01939c9e-7a2f-7c3d-9b1e-6f2a4c8d0e5f").value();
  x.kind = "scrape";
  x.queue = "web";
  x.max_attempts = 20;
  x.created_at = now - 10min;
  x.run_at = now + 5s;
  x.state = job_state::scheduled;
  x.error = "it failed\n" + std::string(200, 'x');
  auto table = job_table({x}, now);
  CHECK_NE(table.find("0/20"), std::string::npos);
  CHECK_NE(table.find("in 5 s"), std::string::npos);
  CHECK_NE(table.find("it failed\\nxxx"), std::string::npos);
  CHECK_NE(table.find("xx..\n"), std::string::npos);
  x.state = job_state::running;
  x.started_at = now - 90s;
  CHECK_NE(job_table({x}, now).find("90 s ago"), std::string::npos);
  x.state = job_state::discarded;
  x.ended_at = now - 3min;
  CHECK_NE(job_table({x}, now).find("3 min ago"), std::string::npos);
  auto object = job_object(x);
  CHECK_EQ(object["ended_at"].get<std::string>(), time_text(now - 3min));
  CHECK_EQ(object["attempt"].get<int>(), 0);
}
