// What `cenote top` draws: whatever it is told and however large the terminal is, it fits and is safe.

#define CAF_SUITE top.screen

#include "app/top_screen.hpp"
#include "app/printable.hpp"

#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::app;

namespace {

top_view view() {
  top_view out;
  out.at = 1'700'000'000;
  out.url = "http://127.0.0.1:9180";
  out.version = "0.1.0";
  out.pool = "bato";
  out.endpoint = "db.example:3306";
  out.breaker = "closed";
  out.state = "serving";
  out.state_since = out.at - 600;
  out.in_use = 3;
  out.idle = 1;
  out.limit = 10;
  out.history->statements_per_second = 1234;
  out.history->statement = {0.0012, 0.03};
  out.history->span = 8;
  out.history->errors["deadlock"] = 2;
  out.history->breakers["db.example:3306"] = "closed";
  for (int i = 0; i < 30; ++i) {
    auto n = std::to_string(i);
    out.sessions->push_back({n, n, "owner-" + n, 100.0 - i, i % 2 == 0, "UPDATE manga SET a = " + n, 0.5});
    out.statements->push_back({"SELECT ? FROM manga_" + n, 10, 1, 20, 3.5, 0.1, 0.2, 0.3});
    out.events->push_back({1'700'000'000.0 - i, "event " + n});
    out.running->push_back({n, "4" + n, "db.example:3306", "in_use", "SELECT SLEEP(" + n + ")", 30.0 - i});
  }
  return out;
}

/// Published to some clients.
top_view published(top_view out) {
  out.node.emplace();
  out.node->address = "0.0.0.0:4243";
  out.node->tls = true;
  out.node->lost = 3;
  for (int i = 0; i < 30; ++i)
    out.node->clients.push_back({"worker-" + std::to_string(i), "10.0.0.7:51234", 90, 7, 6, 5, 4321, 12});
  return out;
}

/// The same with texts that mean no good.
top_view hostile() {
  auto out = view();
  std::string text = "\x1b[2J\x1b]0;x\x07\r\n\xff\xc3\xa9\xe6\x97\xa5\xe6\x9c\xac\xe2\x80\xae\u009b";
  for (int i = 0; i < 500; ++i)
    text += "\xcc\x81";
  for (auto field : {&out.version, &out.pool, &out.endpoint, &out.breaker, &out.state})
    *field = text;
  out.state_reasons = {text, text};
  out.state_since = 1e300;
  out.history->errors[text] = 1e300;
  out.history->retries[text] = 1;
  out.history->breakers[text] = text;
  for (auto& x : *out.sessions)
    x.id = x.owner = x.last_statement = text;
  for (auto& x : *out.statements)
    x.digest = text, x.total = x.calls = x.max = 1e300;
  for (auto& x : *out.events)
    x.text = text, x.at = 1e300;
  for (auto& x : *out.running)
    x.server = x.statement = x.server_connection_id = text;
  out = published(out);
  out.node->address = text;
  for (auto& x : out.node->clients)
    x.name = x.address = text, x.answered = x.connected = 1e300;
  return out;
}

std::string text(const std::vector<styled_line>& lines) {
  std::string out;
  for (auto& x : lines)
    out += x.text() + "\n";
  return out;
}

bool contains(const std::string& all, const std::string& part) {
  return all.find(part) != std::string::npos;
}

} // namespace

SCENARIO("at 80 columns and 24 rows everything has its place") {
  auto lines = draw_screen(view(), {80, 24});
  CHECK_EQ(lines.size(), 24u);
  auto all = text(lines);
  MESSAGE(all);
  for (auto part : {"pool bato at db.example:3306",
                    "q: quit",
                    "serving",
                    "[###-      ]",
                    "3 in use",
                    "1 idle",
                    "0 connecting",
                    "0 closing",
                    "limit 10",
                    "0 waiting",
                    "1234 statements/s",
                    "statement p50 1.20 ms",
                    "p99 30.0 ms",
                    "2 deadlock",
                    "in 8 s",
                    "db.example:3306 closed",
                    "owner-0",
                    "UPDATE manga SET a = 0",
                    "SELECT ? FROM manga_0",
                    "event 0",
                    "SELECT SLEEP(0)"})
    CHECK(contains(all, part));
}

SCENARIO("a pool that is published is shown with its clients") {
  auto all = text(draw_screen(published(view()), {80, 24}));
  MESSAGE(all);
  for (auto part : {"pool node    0.0.0.0:4243, TLS  30 clients  3 lost  0 turned away", "CLIENTS OF THE POOL NODE",
                    "worker-0 at 10.0.0.7:51234", "4321"})
    CHECK(contains(all, part));
  CHECK(contains(draw_line(published(view())), " clients=30 "));
  CHECK(!contains(draw_line(view()), "clients="));
}

SCENARIO("what only HTTP tells is said once") {
  auto x = view();
  x.history->no_times = "not told by pool nodes";
  auto all = text(draw_screen(x, {80, 24}));
  CHECK(contains(all, "times        not told by pool nodes"));
  CHECK(!contains(all, "retries"));
  CHECK(contains(all, "2 deadlock"));
  CHECK(!contains(draw_line(x), "p50"));
  CHECK(contains(draw_line(x), " errors=2 "));
}

SCENARIO("whatever the size of the terminal, nothing is wider or longer, and nothing acts on it") {
  for (auto& x : {view(), hostile()})
    for (size_t columns : {1, 2, 5, 13, 20, 39, 40, 60, 69, 70, 79, 80, 99, 100, 200, 500})
      for (size_t rows : {1, 2, 3, 5, 8, 10, 24, 50, 200}) {
        auto lines = draw_screen(x, {columns, rows});
        CHECK_LE(lines.size(), rows);
        for (auto& line : lines) {
          auto seen = show(line.text());
          REQUIRE_EQ(seen.text, line.text()); // Already safe.
          REQUIRE_EQ(seen.width, line.width());
          REQUIRE_LE(line.width(), columns);
        }
      }
}

SCENARIO("a high terminal shows more of each list, a low one the state first") {
  auto high = text(draw_screen(view(), {120, 100}));
  for (auto part : {"owner-20", "manga_20", "event 20", "SLEEP(20)"})
    CHECK(contains(high, part));
  auto low = text(draw_screen(view(), {80, 3}));
  CHECK(contains(low, "serving"));
  CHECK(contains(low, "3 in use"));
}

SCENARIO("what is not available and what is empty is told") {
  auto x = view();
  x.history = tl::unexpected<std::string>{"not available: no"};
  x.sessions = tl::unexpected<std::string>{"not available: neither"};
  x.events->clear();
  auto all = text(draw_screen(x, {80, 24}));
  CHECK(contains(all, "times        not available: no"));
  CHECK(contains(all, "SESSIONS HELD LONGEST: last statement  not available: neither"));
  CHECK(contains(all, "LAST EVENTS  none"));
}

SCENARIO("a program that is not there is all that is shown") {
  top_view x;
  x.at = 1'700'000'000;
  x.url = "http://127.0.0.1:1";
  x.problem = "does not answer: Connection refused";
  x.state = "unreachable";
  x.state_since = x.at - 5;
  x.state_reasons = {x.problem, "trying again every second"};
  auto lines = draw_screen(x, {80, 24});
  auto all = text(lines);
  CHECK_LE(lines.size(), 5u);
  CHECK(contains(all, "unreachable  for 5.00 s"));
  CHECK(contains(all, "http://127.0.0.1:1 does not answer: Connection refused;\n"));
  CHECK(contains(all, "             trying again every second\n"));
  CHECK(contains(draw_line(x),
                 " unreachable: http://127.0.0.1:1 does not answer: Connection refused; trying again every"));
}

SCENARIO("what is wrong is coloured") {
  auto style_of = [](const std::vector<styled_line>& lines, const std::string& part) {
    for (auto& line : lines)
      for (auto& x : line.spans())
        if (contains(x.text, part))
          return x.style;
    return style::plain;
  };
  auto x = view();
  CHECK(style_of(draw_screen(x, {80, 24}), "serving") == style::good);
  x.state = "degraded";
  x.state_reasons = {"callers wait for a connection", "the server has not answered a probe"};
  x.in_use = 10;
  x.history->breakers["db.example:3306"] = "open";
  auto lines = draw_screen(x, {80, 24});
  CHECK(style_of(lines, "degraded") == style::warning);
  CHECK(contains(text(lines), "callers wait for a connection;\n             the server has not answered a probe\n"));
  CHECK(style_of(lines, "[###") == style::warning);
  CHECK(style_of(lines, "db.example:3306 open") == style::bad);
}

SCENARIO("without a terminal there is one line of names and values") {
  auto line = draw_line(view());
  CHECK_EQ(line.find('\n'), line.size() - 1);
  for (auto part : {" serving in_use=3 idle=1 ", " limit=10 ", " waiting=0 ", " statements_per_second=1234 ",
                    " statement_p99=30.0ms ", " wait_p99=- ", " errors=2 ", " breaker=closed\n"})
    CHECK(contains(line, part));
  line = draw_line(hostile());
  CHECK_EQ(line.find('\n'), line.size() - 1);
  CHECK_EQ(line.find('\x1b'), std::string::npos);
}
