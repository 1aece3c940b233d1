// What `cenote serve` answers over HTTP, of a pool that has work: `loaded-service CALLERS [failing]`. Settings are
// those of the program, from the environment. Ends with its standard input. With `failing`, one more caller sends what
// fails in every way that is counted.

#include "app/http_access.hpp"
#include "app/http_service.hpp"
#include "app/pool_host.hpp"
#include "cenote/configuration.hpp"
#include "cenote/error.hpp"
#include "cenote/pool.hpp"
#include "cenote/session.hpp"
#include "cenote/statement.hpp"
#include "config/token_file.hpp"

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

using namespace cenote;
using namespace std::chrono_literals;

namespace {

constexpr auto pause_after_error = 200ms;

/// Without a behavior an actor ends as soon as it waits for no answer, only for a time.
caf::behavior stay() {
  return {[](caf::unit_t) {}};
}

statement make_statement(int number, int caller) {
  if (number % 400 == 399)
    return read("SELECT missing FROM nowhere");
  if (number % 7 == 6)
    return write("DO SLEEP(?)", 0.02);
  return read("SELECT SLEEP(?), ?", 0.001 * (number % 10), caller);
}

/// Sends one statement after the other.
void call(caf::event_based_actor* self, const pool_actor& pool, int caller, int number) {
  self->request(pool, caf::infinite, execute_atom_v, make_statement(number, caller))
      .then([=](const result&) { call(self, pool, caller, number + 1); },
            [=](const caf::error&) {
              self->run_delayed(pause_after_error, [=] { call(self, pool, caller, number + 1); });
            });
}

statement make_failure(int number) {
  switch (number % 4) {
  case 0:
    return read("SELECT missing FROM nowhere");
  case 1: // Repeated, until its time is up.
    return read("SELECT SLEEP(1)").within(50ms);
  case 2: // Repeated, and given up.
    return write("SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213");
  default: // Loses its connection.
    return write("KILL CONNECTION_ID()");
  }
}

/// Sends what fails.
void fail(caf::event_based_actor* self, const pool_actor& pool, int number) {
  auto next = [=] { self->run_delayed(50ms, [=] { fail(self, pool, number + 1); }); };
  self->request(pool, caf::infinite, execute_atom_v, make_failure(number))
      .then([next](const result&) { next(); }, [next](const caf::error&) { next(); });
}

/// Holds a session, and uses it from time to time.
void use(caf::event_based_actor* self, const pool_actor& pool, session_id session);

void hold(caf::event_based_actor* self, const pool_actor& pool) {
  session_options how;
  how.owner = "monthly report <b>"; // Must not become a part of the page.
  self->request(pool, caf::infinite, checkout_atom_v, how)
      .then([=](session_id session) { use(self, pool, session); },
            [=](const caf::error&) { self->run_delayed(1s, [=] { hold(self, pool); }); });
}

void use(caf::event_based_actor* self, const pool_actor& pool, session_id session) {
  self->request(pool, caf::infinite, execute_atom_v, session, read("SELECT COUNT(*) FROM information_schema.TABLES"))
      .then([=](const result&) { self->run_delayed(500ms, [=] { use(self, pool, session); }); },
            [=](const caf::error&) { self->run_delayed(1s, [=] { hold(self, pool); }); });
}

} // namespace

int main(int argc, char** argv) try {
  int callers = 0;
  if (argc > 1) {
    std::string_view text{argv[1]};
    std::from_chars(text.data(), text.data() + text.size(), callers);
  }
  auto how = std::make_shared<const settings>(load_settings({}));
  init();
  app::pool_host host{*how, {}};
  auto watch = std::make_shared<app::pool_watch>(host.system(), host.pool(), how->http.probe_interval);
  app::service_control control{[] {}, [] { return std::string{}; }, [how] { return how; }};
  app::http_service http{host,
                         *how,
                         std::move(watch),
                         config::read_token("http.token-file", how->http.token_file),
                         true,
                         std::move(control)};
  auto retrier = spawn_retrier(host.system(), host.pool(), how->retry);
  auto pool = host.pool();
  host.system().spawn([=](caf::event_based_actor* self) {
    hold(self, pool);
    return stay();
  });
  for (int i = 0; i < callers; ++i)
    host.system().spawn([=](caf::event_based_actor* self) {
      call(self, retrier, i, i * 13);
      return stay();
    });
  if (argc > 2 && std::string_view{argv[2]} == "failing")
    host.system().spawn([=](caf::event_based_actor* self) {
      fail(self, retrier, 0);
      return stay();
    });
  std::cin.ignore(std::numeric_limits<std::streamsize>::max());
  std::_Exit(0); // The callers go on for ever.
} catch (const std::exception& err) {
  std::cerr << err.what() << '\n';
  return 1;
}
