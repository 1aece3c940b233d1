// A pool under load that answers HTTP as the one of `cenote serve` does, which nobody outside can give work to. For the
// tests of what watches it from outside.
//
//   DATABASE_URI=mysql://... loaded-service
//
// Logs where it answers, and runs until its standard input ends, or SIGTERM. A part of the load fails on purpose.

#include "app/http_access.hpp"
#include "app/http_service.hpp"
#include "app/logging.hpp"
#include "cenote/configuration.hpp"
#include "cenote/database.hpp"
#include "cenote/pool.hpp"

#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

namespace {

using namespace cenote;
using namespace std::chrono_literals;

/// Failures are wanted: the metrics count them.
template <class F>
void attempt(F&& f) {
  try {
    f();
  } catch (const database_error&) {
    // nop
  }
}

void short_work(database& db) {
  attempt([&db] { db.execute(read("SELECT 'some text'")); });
  attempt([&db] { db.execute(idempotent_write("DO 1")); });
  attempt([&db] { db.execute(write("DO SLEEP(0.002)")); });
  attempt([&db] { db.transact(all_or_nothing(write("DO 1"), write("DO 2"))); });
}

void sessions(database& db) {
  session_options terms;
  terms.owner = "monthly report";
  attempt([&] { db.with_session([](database::session& x) { x.execute(read("SELECT SLEEP(0.3)")); }, terms); });
}

void failures(database& db) {
  attempt([&db] { db.execute(read("SELECT nonsense")); });
  attempt([&db] { db.execute(read("SELECT SLEEP(1)").within(50ms)); });
  attempt([&db] { db.execute(write("SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213")); });
  attempt([&db] { db.with_session([](database::session& x) { x.execute(write("KILL CONNECTION_ID()")); }); });
  std::this_thread::sleep_for(200ms);
}

std::vector<std::jthread> start_load(database& db) {
  std::vector<std::jthread> out;
  auto repeat = [&](int threads, void (*work)(database&)) {
    for (int i = 0; i < threads; ++i)
      out.emplace_back([&db, work](std::stop_token end) {
        while (!end.stop_requested())
          work(db);
      });
  };
  repeat(4, short_work);
  repeat(2, sessions);
  repeat(1, failures);
  return out;
}

} // namespace

int main() try {
  init();
  app::start_logging({}, app::log_profile::service);
  configuration_sources sources;
  sources.command_line = {{"pool.size", "4"}, {"retry.initial-delay", "20ms"}, {"retry.max-retries", "2"}};
  auto all = load_settings(sources);
  app::pool_host host{all, {}};
  auto in_force = std::make_shared<const settings>(all);
  app::service_control control{[] {}, [] { return std::string{"nothing changes here"}; },
                               [in_force] { return in_force; }};
  auto watch = std::make_shared<app::pool_watch>(host.system(), host.pool(), all.http.probe_interval);
  app::http_service http{host, all, std::move(watch), app::read_token(all.http.token_file), true, std::move(control)};
  database db{host.system(), spawn_retrier(host.system(), host.pool(), all.retry)};
  db.initialize();
  auto load = start_load(db);
  while (getchar() != EOF)
    ; // nop
  load.clear();
  db.close();
  return 0;
} catch (const std::exception& err) {
  std::cerr << err.what() << '\n';
  return 1;
}
