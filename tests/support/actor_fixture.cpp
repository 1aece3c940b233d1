#include "support/actor_fixture.hpp"

#include "cenote/node.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include <caf/actor_registry.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/send.hpp>

namespace cenote::test {

namespace {

constexpr auto rules_timeout = std::chrono::seconds{30};

/// A file that ends with its object.
struct temporary_file {
  explicit temporary_file(const std::string& content)
      : path{std::filesystem::temp_directory_path() / ("cenote-test-" + std::to_string(getpid()) + "-token")} {
    std::ofstream{path} << content << '\n';
  }
  ~temporary_file() { std::filesystem::remove(path); }
  std::string path;
};

} // namespace

application_config::application_config() {
  set("caf.scheduler.max-threads", 2u);
  set("caf.logger.console.verbosity", "quiet");
}

pool_settings as_environment_says(pool_settings rules) {
  auto prepared = std::getenv("CENOTE_TEST_PREPARED");
  if (prepared != nullptr && rules.prepared_statements == pool_settings{}.prepared_statements)
    rules.prepared_statements = std::strtoull(prepared, nullptr, 10);
  return rules;
}

actor_fixture::actor_fixture() : system_{config_} {
  // nop
}

actor_fixture::~actor_fixture() {
  for (auto& pool : pools_)
    caf::anon_send_exit(pool, caf::exit_reason::user_shutdown);
  pools_.clear();
  await_end();
}

/// Ends the program if that takes too long: it would hide why the test has failed.
void actor_fixture::await_end() {
  auto end = std::async(std::launch::async, [this] { system_.await_all_actors_done(); });
  if (end.wait_for(patience) == std::future_status::ready)
    return;
  std::fprintf(stderr, "%zu actors of a test do not end\n", system_.registry().running());
  std::abort();
}

pool_actor actor_fixture::start_pool(const server_settings& server, const pool_settings& rules) {
  auto pool = pools_.emplace_back(spawn_pool(system_, server, as_environment_says(rules)));
  return std::getenv("CENOTE_TEST_REMOTE") == nullptr ? pool : pools_.emplace_back(reach_remotely(pool));
}

/// Publishes the pool and reaches it as another process would: then every test of a pool is one of remote pools.
pool_actor actor_fixture::reach_remotely(const pool_actor& pool) {
  temporary_file token{"admin"};
  node_settings published;
  published.listen = "127.0.0.1:0";
  published.name = "test";
  published.admin_token_file = token.path;
  published.max_in_flight = 100'000;
  published.max_sessions = 10'000;
  published.max_waiting = 1'000'000;
  auto node = spawn_node(system_, pool, published);
  remote_settings nodes;
  nodes.nodes = "127.0.0.1:" + std::to_string(node.port);
  nodes.name = "tests";
  nodes.token_file = token.path;
  nodes.max_in_flight = 100'000;
  nodes.timeout = rules_timeout;
  return connect(system_, nodes);
}

pool_actor actor_fixture::start_full_pool(const server_settings& server, const pool_settings& rules) {
  auto result = start_pool(server, rules);
  await_free(result, rules.size);
  return result;
}

// -- requests --------------------------------------------------------------------------

awaited<result> actor_fixture::ask(const pool_actor& pool, statement query) {
  return request<result>(pool, execute_atom_v, std::move(query));
}

result actor_fixture::must(const pool_actor& pool, statement query) {
  auto answered = run(pool, query);
  if (!answered)
    throw std::runtime_error{query.sql + ": " + to_string(answered.error())};
  return std::move(*answered);
}

awaited<std::vector<result>> actor_fixture::ask(const pool_actor& pool, transaction work) {
  return request<std::vector<result>>(pool, transact_atom_v, std::move(work));
}

awaited<verification> actor_fixture::ask_verify(const pool_actor& pool) {
  return request<verification>(pool, verify_atom_v);
}

awaited<drain_report> actor_fixture::drain(const pool_actor& pool, caf::timespan limit) {
  return request<drain_report>(pool, drain_atom_v, limit);
}

void actor_fixture::dispose(const pool_actor& pool) {
  caf::anon_send(pool, dispose_atom_v);
}

pool_status actor_fixture::status(const pool_actor& pool) {
  auto answered = request<pool_status>(pool, status_atom_v).get();
  if (!answered)
    throw std::runtime_error{"no status: " + to_string(answered.error())};
  return std::move(*answered);
}

// -- waiting for events ----------------------------------------------------------------

/// Waits 10 ms by CAF's clock.
void actor_fixture::pause() {
  auto over = std::make_shared<std::promise<void>>();
  auto result = over->get_future();
  system_.spawn([over](caf::event_based_actor* self) -> caf::behavior {
    self->delayed_send(self, std::chrono::milliseconds{10}, caf::ok_atom_v);
    return {[self, over](caf::ok_atom) {
      over->set_value();
      self->quit();
    }};
  });
  result.wait();
}

bool actor_fixture::eventually(const std::function<bool()>& condition) {
  auto limit = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit)
      return false;
    pause();
  }
  return true;
}

pool_status actor_fixture::await_status(const pool_actor& pool,
                                        const std::function<bool(const pool_status&)>& condition) {
  pool_status last;
  auto check = [&] {
    last = status(pool);
    return condition(last);
  };
  if (!eventually(check))
    throw std::runtime_error{"the pool does not reach the expected state: " + to_string(last)};
  return last;
}

pool_status actor_fixture::await_free(const pool_actor& pool, uint64_t connections) {
  return await_status(pool, [connections](const pool_status& current) {
    return current.checked_in == connections && current.total_connections == connections && current.connecting == 0;
  });
}

} // namespace cenote::test
