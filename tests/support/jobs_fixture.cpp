#include "support/jobs_fixture.hpp"

#include <caf/init_global_meta_objects.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

namespace cenote::test {

namespace {

using namespace std::chrono_literals;

// Before any actor system, as in an application's `main`.
const bool types_are_known = [] {
  caf::init_global_meta_objects<caf::id_block::jobs_test>();
  return true;
}();

} // namespace

jobs_fixture::jobs_fixture(std::vector<std::string> server_options) : pool_fixture{std::move(server_options)} {
  migrate_jobs(system(), admin());
  must(admin(), write("CREATE TABLE done (number INT NOT NULL, attempt INT NOT NULL)"));
}

jobs_fixture::~jobs_fixture() {
  for (auto& queue : queues_)
    caf::anon_send_exit(queue, caf::exit_reason::user_shutdown);
}

job_settings jobs_fixture::quick() {
  job_settings settings;
  settings.poll = 50ms;
  settings.poll_longest = 100ms;
  settings.lease = 2s;
  return settings;
}

job_queue jobs_fixture::start_queue(const job_settings& settings) {
  queues_.push_back(
      spawn_job_queue(system(), spawn_retrier(system(), start_pool(server.settings(), rules_for(4))), settings));
  return queues_.back();
}

int64_t jobs_fixture::number(const std::string& sql) {
  return must(admin(), read(sql))[0].get<int64_t>(0);
}

} // namespace cenote::test
