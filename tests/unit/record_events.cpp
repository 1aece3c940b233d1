// The last events of a pool.

#define CAF_SUITE record.events

#include "app/event_log.hpp"

#include <chrono>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::app;
using namespace std::chrono_literals;

namespace {

pool_event event(event_kind kind, std::chrono::milliseconds at, uint64_t connection = 1) {
  pool_event out;
  out.kind = kind;
  out.pool = "main";
  out.at = std::chrono::sys_time<std::chrono::nanoseconds>{at};
  out.connection = connection;
  return out;
}

} // namespace

SCENARIO("an event is one line without the name of the only pool") {
  event_log x;
  auto lost = event(event_kind::connection_lost, 1s, 7);
  lost.detail = "the server\nhas gone";
  x.add(lost);
  REQUIRE_EQ(x.content().size(), 1u);
  CHECK_EQ(x.content()[0].kind, "connection_lost");
  CHECK(x.content()[0].text.starts_with("connection 7 lost: the server"));
  CHECK(x.content()[0].text.find('\n') == std::string::npos);
  CHECK_EQ(x.content()[0].at.time_since_epoch() / 1ms, 1000);
}

SCENARIO("what happens with every request is left out, and so is the end of what was lost") {
  event_log x;
  x.add(event(event_kind::checked_out, 1s));
  x.add(event(event_kind::checked_in, 1s));
  auto closed = event(event_kind::connection_closed, 1s);
  closed.reason = close_reason::lost;
  x.add(closed);
  CHECK(x.content().empty());
  closed.reason = close_reason::idle;
  x.add(closed);
  CHECK_EQ(x.content().size(), 1u);
}

SCENARIO("events of the same kind in a row become one that tells the last") {
  event_log x;
  for (uint64_t i = 1; i <= 100; ++i)
    x.add(event(event_kind::connection_lost, std::chrono::milliseconds{i}, i));
  REQUIRE_EQ(x.content().size(), 1u);
  CHECK_EQ(x.content()[0].count, 100u);
  CHECK_EQ(x.content()[0].text, "connection 100 lost");
  x.add(event(event_kind::breaker_changed, 200ms));
  x.add(event(event_kind::connection_lost, 300ms));
  CHECK_EQ(x.content().size(), 3u);
  x.add(event(event_kind::connection_lost, 1301ms)); // Too late.
  CHECK_EQ(x.content().size(), 4u);
}

SCENARIO("the log keeps the last 50") {
  event_log x;
  for (uint64_t i = 1; i <= 60; ++i)
    x.add(event(event_kind::disposed, std::chrono::seconds{2 * i}, i));
  auto content = x.content();
  REQUIRE_EQ(content.size(), 50u);
  CHECK_EQ(content.front().at.time_since_epoch() / 1s, 22);
  CHECK_EQ(content.back().at.time_since_epoch() / 1s, 120);
}
