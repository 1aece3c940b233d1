#define CAF_SUITE jobs.job_text

#include "cenote/jobs/job.hpp"

#include <functional>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace std::chrono_literals;

namespace {

job good_job() {
  job out;
  out.kind = "scrape_manga";
  out.payload = "{}";
  return out;
}

/// What is wrong with a good job after this change.
std::string problem(const std::function<void(job&)>& change) {
  auto changed = good_job();
  change(changed);
  return find_problem(changed).value_or("");
}

constexpr auto year = 365 * 24h;

} // namespace

SCENARIO("an id is written as a UUID, and read back") {
  job_id id;
  for (size_t i = 0; i < id.bytes.size(); ++i)
    id.bytes[i] = static_cast<uint8_t>(i * 17);
  CHECK_EQ(to_string(id), "00112233-4455-6677-8899-aabbccddeeff");
  CHECK_EQ(to_string(job_id{}), "00000000-0000-0000-0000-000000000000");
  for (auto text : {"00112233-4455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-AABBCCDDEEFF",
                    "00112233445566778899aabbccddeeff", "00112233445566778899aAbBcCdDeEfF"})
    CHECK(parse_job_id(text) == id);
}

SCENARIO("what is no id is not read as one") {
  for (auto text :
       {"", "-", "00112233-4455-6677-8899-aabbccddeef", "00112233-4455-6677-8899-aabbccddeeff0",
        "0011223344556677-8899-aabbccddeeff--", "00112233-44556-677-8899-aabbccddeeff",
        "001122334455667788990aabbccddeeff", "0011223344556677889-aabbccddeeff", "g0112233445566778899aabbccddeeff",
        " 0112233445566778899aabbccddeeff", "00112233_4455_6677_8899_aabbccddeeff",
        "{0112233-4455-6677-8899-aabbccddeef}", "------------------------------------"}) {
    MESSAGE(text);
    CHECK(!parse_job_id(text));
  }
}

SCENARIO("states have names") {
  for (int i = 0; i <= static_cast<int>(job_state::cancelled); ++i) {
    auto state = static_cast<job_state>(i);
    CHECK(parse_job_state(to_string(state)) == state);
  }
  CHECK_EQ(to_string(job_state::scheduled), "scheduled");
  CHECK_EQ(to_string(job_state::cancelled), "cancelled");
  CHECK_EQ(to_string(static_cast<job_state>(7)), "state 7");
  for (auto text : {"", "Done", "done ", "state 7", "0"})
    CHECK(!parse_job_state(text));
}

SCENARIO("jobs at the ends of all ranges can be stored") {
  CHECK(!find_problem(good_job()));
  CHECK_EQ(problem([](job& x) { x.kind = std::string(128, '~'); }), "");
  CHECK_EQ(problem([](job& x) { x.kind = "std::vector<a b>"; }), "");
  CHECK_EQ(problem([](job& x) { x.payload = std::string(4 << 20, '1'); }), "");
  CHECK_EQ(problem([](job& x) { x.queue = std::string(64, '!'); }), "");
  for (auto priority : {-10000, 10000})
    CHECK_EQ(problem([=](job& x) { x.priority = priority; }), "");
  for (auto attempts : {1u, 10000u})
    CHECK_EQ(problem([=](job& x) { x.max_attempts = attempts; }), "");
  CHECK_EQ(problem([](job& x) { x.backoff = {1ms, 1ms}; }), "");
  CHECK_EQ(problem([](job& x) { x.backoff = {year, year}; }), "");
  CHECK_EQ(problem([](job& x) { x.time_limit = 1ms; }), "");
  CHECK_EQ(problem([](job& x) { x.time_limit = 30 * 24h; }), "");
  CHECK_EQ(problem([](job& x) { x.delay = 100 * year; }), "");
  CHECK_EQ(problem([](job& x) { x.run_at = std::chrono::system_clock::time_point::max(); }), "");
  CHECK_EQ(problem([](job& x) { x.unique_key = std::string(255, '\xff'); }), "");
  CHECK_EQ(problem([](job& x) { x = std::move(x).unique_within("key", year); }), "");
  CHECK_EQ(problem([](job& x) { x.tags.assign(16, std::string(64, 'a')); }), "");
  CHECK_EQ(problem([](job& x) { x.tags = {"\xc3\xa4 b"}; }), "");
}

SCENARIO("what cannot be stored is named with its field") {
  struct {
    std::function<void(job&)> change;
    const char* want;
  } rows[] = {
      {[](job& x) { x.kind = ""; }, "kind is empty"},
      {[](job& x) { x.kind = std::string(129, 'a'); }, "kind has 129 characters, at most 128 are allowed"},
      {[](job& x) { x.kind = "\xc3\xa4"; }, "kind '\xc3\xa4' has characters that are not printable ASCII"},
      {[](job& x) { x.kind = "a\n"; }, "kind 'a\\n' has characters that are not printable ASCII"},
      {[](job& x) { x.queue = ""; }, "queue is empty"},
      {[](job& x) { x.queue = std::string(65, 'a'); }, "queue has 65 characters, at most 64 are allowed"},
      {[](job& x) { x.queue = "mail "; }, "queue 'mail ' begins or ends with a space"},
      {[](job& x) { x.queue = std::string(1, '\0'); }, "queue '\\x00' has characters that are not printable ASCII"},
      {[](job& x) { x.payload = ""; }, "payload is empty: it has to be JSON, such as {}"},
      {[](job& x) { x.payload = std::string((4 << 20) + 1, '1'); },
       "payload has 4194305 bytes, at most 4194304 are allowed: store large data elsewhere, and its key in the "
       "payload"},
      {[](job& x) { x.payload = "\"\xff\""; }, "payload is not UTF-8"},
      {[](job& x) { x.priority = 10001; }, "priority is out of range -10000 to 10000"},
      {[](job& x) { x.priority = INT32_MIN; }, "priority is out of range -10000 to 10000"},
      {[](job& x) { x.max_attempts = 0; }, "max_attempts is out of range 1 to 10000"},
      {[](job& x) { x.max_attempts = UINT32_MAX; }, "max_attempts is out of range 1 to 10000"},
      {[](job& x) { x.run_at = std::chrono::system_clock::time_point{-1ns}; }, "run_at is before 1970"},
      {[](job& x) { x.delay = -1ns; }, "delay is out of range 0 to 100 years"},
      {[](job& x) { x.delay = std::chrono::nanoseconds::max(); }, "delay is out of range 0 to 100 years"},
      {[](job& x) {
         x.backoff = {0s, 1h};
       },
       "backoff.first is out of range 1 ms to backoff.longest"},
      {[](job& x) {
         x.backoff = {2h, 1h};
       },
       "backoff.first is out of range 1 ms to backoff.longest"},
      {[](job& x) { x.backoff.longest = year + 1ns; }, "backoff.longest is out of range 1 ms to 365 days"},
      {[](job& x) { x.time_limit = 0s; }, "time_limit is out of range 1 ms to 30 days"},
      {[](job& x) { x.time_limit = 30 * 24h + 1ns; }, "time_limit is out of range 1 ms to 30 days"},
      {[](job& x) { x.unique_key = std::string(256, 'a'); }, "unique_key has 256 bytes, at most 255 are allowed"},
      {[](job& x) { x.scope = static_cast<unique_scope>(3); }, "scope has the value 3, which is none of unique_scope"},
      {[](job& x) { x.unique_for = -1ns; }, "unique_for is out of range 0 to 365 days"},
      {[](job& x) { x = std::move(x).unique_within("key", 0s); },
       "unique_for is zero, but scope is unique_scope::within: set how long the key is taken"},
      {[](job& x) { x.tags.assign(17, "a"); }, "tags has 17 elements, at most 16 are allowed"},
      {[](job& x) { x.tags = {""}; }, "a tag is empty"},
      {[](job& x) { x.tags = {"a,b"}; }, "tag 'a,b' has a comma, which separates tags"},
      {[](job& x) { x.tags = {"\xff"}; }, "tag '\\xff' is not UTF-8"},
  };
  for (auto& [change, want] : rows)
    CHECK_EQ(problem(change), want);
  CHECK(problem([](job& x) { x.tags = {std::string(65, 'a')}; }).find("has 65 bytes, at most 64") != std::string::npos);
}
