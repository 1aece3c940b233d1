// bato-service with the installed headers of cenote only: the main program of a copy of this folder.
//   DATABASE_URI=mysql://user:password@host/database bato-service [--once]

#include "bato/repository.hpp"
#include "bato/schema.hpp"
#include "bato/service.hpp"

#include <cenote/actor_system_config.hpp>
#include <cenote/configuration.hpp>
#include <cenote/error.hpp>
#include <cenote/jobs/migrate.hpp>
#include <cenote/pool.hpp>
#include <cenote/scoped_pool.hpp>

#include <caf/actor_system.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <csignal>
#include <exception>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <unistd.h>

namespace {

/// SIGINT and SIGTERM, blocked for this thread and all threads that it starts: a thread waits for them instead.
sigset_t block_signals() {
  sigset_t out;
  sigemptyset(&out);
  sigaddset(&out, SIGINT);
  sigaddset(&out, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &out, nullptr);
  return out;
}

/// Sends the first signal to the service; another one ends the process at once, as it would by default.
void forward_signal(const sigset_t& signals, const caf::actor& service) {
  std::thread{[signals, service] {
    int number = 0;
    if (sigwait(&signals, &number) == 0)
      caf::anon_send(service, int32_t{number});
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    for (;;)
      pause();
  }}.detach();
}

/// Titles come from the database, and may go to a terminal.
std::string without_controls(std::string line) {
  for (auto& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      c = '?';
  return line;
}

/// Creates the tables that are missing, those of jobs as well.
/// @throws std::runtime_error if that fails, with the reason.
void create_tables(caf::scoped_actor& self, const cenote::pool_actor& pool) {
  caf::error failed;
  auto keep = [&failed](caf::error& error) { failed = std::move(error); };
  // A service waits for a server that is away, but not for one that has never been there.
  self->request(pool, caf::infinite, cenote::verify_atom_v).receive([](const cenote::verification&) {}, keep);
  for (auto& create : bato::schema())
    if (!failed)
      self->request(pool, caf::infinite, cenote::execute_atom_v, create).receive([](const cenote::result&) {}, keep);
  if (failed)
    throw std::runtime_error{cenote::describe(failed)};
  cenote::migrate_jobs(self->system(), pool);
}

/// Waits for the end of the service, prints what it reports, and returns its exit code.
int listen(caf::scoped_actor& self) {
  std::optional<int> code;
  while (!code)
    self->receive([](const std::string& line) { std::cout << without_controls(line) << '\n'; },
                  [&code](int32_t answer) { code = answer; });
  return *code;
}

} // namespace

int main(int argc, char** argv) try {
  bato::service_options options;
  options.once = argc == 2 && std::string_view{argv[1]} == "--once";
  if (argc > 1 && !options.once)
    throw std::invalid_argument{"usage: bato-service [--once]"};
  auto settings = cenote::load_settings({});
  options.drain_timeout = settings.pool.drain_timeout;
  auto signals = block_signals();
  cenote::init();
  caf::init_global_meta_objects<caf::id_block::bato>();
  cenote::actor_system_config config;
  caf::actor_system sys{config};
  cenote::scoped_pool pool{sys, settings};
  caf::scoped_actor self{sys};
  create_tables(self, pool.pool());
  auto repository = sys.spawn(bato::repository, pool.handle());
  auto service = bato::spawn_service(sys, repository, pool.pool(), options, caf::actor_cast<caf::actor>(self));
  forward_signal(signals, service);
  auto code = listen(self);
  self->send_exit(repository, caf::exit_reason::user_shutdown);
  return code;
} catch (const std::exception& err) { // configuration_error: one line
  std::cerr << err.what() << '\n';
  return 1;
}
