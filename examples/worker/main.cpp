// A worker process without an account of the database: it stores pages through the pool of a pool node, and goes on
// when that is killed and started again.
//   CENOTE_REMOTE_NODES=127.0.0.1:4243 worker [PAGES]
// Certificates and token are settings, too: the section `remote` of caf-application.conf. See docs/nodes.md.
// Needs the table: CREATE TABLE page (number INT UNSIGNED PRIMARY KEY, text VARCHAR(100) NOT NULL)

#include <cenote/actor_system_config.hpp>
#include <cenote/configuration.hpp>
#include <cenote/error.hpp>
#include <cenote/node.hpp>
#include <cenote/pool.hpp>
#include <cenote/repository.hpp>

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <thread>

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

// The only actor that knows the table. Nothing in it depends on where the pool is.
using page_store = caf::typed_actor<caf::result<uint64_t>(caf::put_atom, uint32_t, std::string)>;

page_store::behavior_type store_pages(page_store::pointer self, const cenote::pool_actor& pool) {
  return {
      [=](caf::put_atom, uint32_t number, const std::string& text) {
        // Idempotent: the retrier may repeat it although the node was lost before it answered.
        return cenote::run(self, pool, cenote::idempotent_write("REPLACE INTO page VALUES (?, ?)", number, text));
      },
  };
}

int main(int argc, char** argv) try {
  auto pages = argc > 1 ? std::atoi(argv[1]) : 10;
  auto settings = cenote::load_settings({}, false); // No DATABASE_URI.
  cenote::init();
  cenote::actor_system_config cfg;
  caf::actor_system sys{cfg};
  auto pool = cenote::spawn_retrier(sys, cenote::connect(sys, settings.remote), settings.retry);
  auto store = sys.spawn(store_pages, pool);
  caf::scoped_actor self{sys};
  auto code = 0;
  for (auto number = 1; number <= pages && code == 0; ++number) {
    auto start = clock_type::now();
    self->request(store, caf::infinite, caf::put_atom_v, static_cast<uint32_t>(number), "Text of a page")
        .receive(
            [&](uint64_t) {
              auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_type::now() - start);
              std::cout << "page " << number << " is stored" << (took > 1s ? ", with some delay" : "") << std::endl;
            },
            [&](const caf::error& error) {
              std::cerr << "page " << number << ": " << cenote::describe(error) << '\n';
              code = 1;
            });
    std::this_thread::sleep_for(200ms); // The work.
  }
  self->send_exit(store, caf::exit_reason::user_shutdown);
  // Ends the client, and with it the retrier; the pool of the node stays.
  self->request(pool, caf::infinite, cenote::drain_atom_v, caf::timespan{5s})
      .receive([](const cenote::drain_report&) {}, [](const caf::error&) {});
  return code;
} catch (const std::exception& err) { // configuration_error
  std::cerr << err.what() << '\n';
  return 1;
}
