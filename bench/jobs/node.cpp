// cenote-bench-jobs: a node of a job queue, as bench/jobs.py uses it.
#include "cenote/node.hpp"
#include "cenote/actor_system_config.hpp"
#include "cenote/configuration.hpp"
#include "cenote/error.hpp"
#include "cenote/jobs/migrate.hpp"
#include "cenote/jobs/queue.hpp"
#include "cenote/pool.hpp"
#include "cenote/scoped_pool.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace cenote::bench {

/// The job of all measurements.
struct empty_job {
  int64_t submitted_at = 0; ///< On the steady clock of this machine, in nanoseconds.
};

template <class Inspector>
bool inspect(Inspector& f, empty_job& x) {
  return f.object(x).fields(f.field("submitted-at", x.submitted_at));
}

} // namespace cenote::bench

CAF_BEGIN_TYPE_ID_BLOCK(jobs_bench, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(jobs_bench, (cenote::bench::empty_job))
CAF_END_TYPE_ID_BLOCK(jobs_bench)

namespace {

using namespace cenote;
using namespace cenote::bench;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

/// Vectors of jobs that are under way at a time.
constexpr size_t vectors_in_flight = 4;

struct options {
  bool migrate = false;
  bool works = true;
  uint32_t max_running = 256;
  size_t connections = 4;
  std::string node; ///< Of a pool; empty: a pool of its own.
  size_t jobs = 0;
  size_t vector = 1000; ///< Jobs in one submission.
  size_t single = 0;
  double pause = 0.01;
};

/// When handlers were asked, after the submission.
class delays {
public:
  void add(double ms) {
    std::lock_guard guard{mutex_};
    all_.push_back(ms);
    ++count;
  }

  void print() {
    std::lock_guard guard{mutex_};
    std::ranges::sort(all_);
    if (!all_.empty())
      std::cout << "delays " << all_.size() << ' ' << all_[all_.size() / 2] << ' ' << all_[all_.size() * 99 / 100]
                << std::endl;
  }

  std::atomic<size_t> count = 0;
  std::atomic<bool> wanted = false;

private:
  std::mutex mutex_;
  std::vector<double> all_;
};

int64_t steady_now() {
  return steady::now().time_since_epoch().count();
}

job_handler<empty_job>::behavior_type empty_handler(job_handler<empty_job>::pointer, delays* started) {
  return {[started](const empty_job& work, const job_context&) {
    if (started->wanted)
      started->add(static_cast<double>(steady_now() - work.submitted_at) / 1e6);
    return job_done();
  }};
}

/// Submits its share as vectors, some at a time.
void submit_vectors(caf::actor_system& sys, const job_queue& queue, const options& how) {
  std::atomic<size_t> next = 0;
  std::vector<std::jthread> crowd;
  for (size_t i = 0; i < vectors_in_flight; ++i)
    crowd.emplace_back([&] {
      caf::scoped_actor self{sys};
      for (;;) {
        auto begin = next.fetch_add(how.vector);
        if (begin >= how.jobs)
          return;
        std::vector<job> works;
        for (auto n = begin; n < std::min(begin + how.vector, how.jobs); ++n)
          works.push_back(make_job(empty_job{steady_now()}));
        self->request(queue, caf::infinite, submit_atom_v, std::move(works))
            .receive([](const std::vector<job_id>&) {},
                     [](const caf::error& reason) {
                       std::cerr << describe(reason) << std::endl;
                       std::_Exit(1);
                     });
      }
    });
}

/// Submits one after the other, each when the one before was begun or, without a handler here, after a pause.
void submit_singly(caf::actor_system& sys, const job_queue& queue, const options& how, delays& started) {
  caf::scoped_actor self{sys};
  std::minstd_rand random{std::random_device{}()};
  started.wanted = true;
  for (size_t i = 0; i < how.single; ++i) {
    std::this_thread::sleep_for(
        std::chrono::duration<double>{how.pause * (0.5 + std::uniform_real_distribution<>{}(random))});
    self->request(queue, caf::infinite, submit_atom_v, make_job(empty_job{steady_now()}))
        .receive([](const job_id&) {}, [](const caf::error& reason) { throw std::runtime_error{describe(reason)}; });
    while (how.works && started.count <= i)
      std::this_thread::sleep_for(100us);
  }
}

/// Waits until there is neither a waiting nor a running job.
void await_empty(caf::actor_system& sys, const pool_actor& pool) {
  caf::scoped_actor self{sys};
  auto query =
      read("SELECT EXISTS (SELECT 1 FROM cenote_job FORCE INDEX (claim) WHERE queue = 'default' AND kind = ? AND "
           "state IN (1, 2))",
           caf::to_string(caf::type_name_v<empty_job>));
  for (auto some = true; some;) {
    std::this_thread::sleep_for(20ms);
    self->request(pool, caf::infinite, execute_atom_v, query)
        .receive([&](const result& rows) { some = rows[0].get<int>(0) != 0; },
                 [](const caf::error& reason) { throw std::runtime_error{describe(reason)}; });
  }
}

void run(const options& how) {
  auto uri = std::getenv("DATABASE_URI");
  if (uri == nullptr)
    throw std::runtime_error{"DATABASE_URI is not set"};
  settings all;
  all.server = parse_uri(uri);
  all.pool.size = how.connections;
  all.pool.max_overflow = 0;
  actor_system_config config;
  caf::actor_system sys{config};
  std::optional<scoped_pool> own;
  pool_actor pool;
  if (how.node.empty()) {
    pool = own.emplace(sys, all);
  } else {
    remote_settings remote;
    remote.nodes = how.node;
    pool = connect(sys, remote);
  }
  if (how.migrate) {
    migrate_jobs(sys, pool);
    return;
  }
  job_settings rules;
  rules.queues.front().max_running = how.max_running;
  if (!how.works)
    rules.queues.clear();
  auto queue = spawn_job_queue(sys, pool, rules);
  delays started;
  auto handler = sys.spawn(empty_handler, &started);
  if (how.works)
    queue.on<empty_job>(handler);
  std::this_thread::sleep_for(300ms);
  std::cout << "ready" << std::endl;
  std::string line;
  started.wanted = how.jobs == 0;
  if (std::getline(std::cin, line)) {
    auto begin = steady_now();
    submit_vectors(sys, queue, how);
    submit_singly(sys, queue, how, started);
    auto submitted = steady_now();
    if (how.works && how.jobs > 0)
      await_empty(sys, pool);
    std::cout << "times " << begin << ' ' << submitted << ' ' << steady_now() << std::endl;
    std::getline(std::cin, line); // Others may not be done yet.
  }
  started.print();
  caf::scoped_actor self{sys};
  self->request(queue, caf::infinite, drain_atom_v, caf::timespan{10s}).receive([] {}, [](const caf::error&) {});
  caf::anon_send_exit(handler, caf::exit_reason::user_shutdown);
  if (!own)
    caf::anon_send_exit(pool, caf::exit_reason::user_shutdown);
}

} // namespace

int main(int argc, char** argv) {
  options how;
  CLI::App app{
      "A node of a job queue; bench/jobs.py uses it. DATABASE_URI names the server. Says `ready`; begins with a "
      "line of its input, and ends with another.",
      "cenote-bench-jobs"};
  app.add_flag("--migrate", how.migrate, "creates the tables, and ends");
  app.add_flag("!--no-work", how.works, "only submits");
  app.add_option("--max-running", how.max_running, "jobs at a time");
  app.add_option("--connections", how.connections, "of its pool");
  app.add_option("--node", how.node, "uses the pool of this pool node");
  app.add_option("--jobs", how.jobs, "submits so many, as vectors");
  app.add_option("--vector", how.vector, "jobs in each of these");
  app.add_option("--single", how.single, "submits so many, one after the other");
  app.add_option("--pause", how.pause, "seconds between these, on average");
  CLI11_PARSE(app, argc, argv);
  try {
    init();
    caf::init_global_meta_objects<caf::id_block::jobs_bench>();
    spdlog::stderr_logger_mt("cenote")->set_level(spdlog::level::warn);
    run(how);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "bench: error: " << error.what() << std::endl;
    std::_Exit(1);
  }
}
