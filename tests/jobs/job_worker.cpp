// A worker of a job queue, or who submits jobs to it, as a process of its own; see tests/jobs/ledger.py.
#include "ledger_handlers.hpp"
#include "ledger_jobs.hpp"
#include "ledger_submitter.hpp"
#include "wrong_clock.hpp"

#include "cenote/actor_system_config.hpp"
#include "cenote/configuration.hpp"
#include "cenote/error.hpp"
#include "cenote/jobs/migrate.hpp"
#include "cenote/pool.hpp"
#include "cenote/scoped_pool.hpp"

#include <caf/init_global_meta_objects.hpp>
#include <caf/scoped_actor.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

struct options {
  std::string name;
  size_t connections = 4;
  size_t prepared = pool_settings{}.prepared_statements;
  uint32_t max_running = 64;
  double lease = 2;
  double drain = 20;
  std::vector<std::string> kinds;
  int64_t clock_offset = 0;
  bool migrate = false;
  std::string single; ///< Only one job: the kind, what its handler is to do, and its number.
  std::string how;
  uint64_t number = 1;
  submitter_options submitter;
};

options parse(int argc, char** argv) {
  options out;
  CLI::App app{"A worker of a job queue, or who submits jobs to it; see tests/jobs/ledger.py. DATABASE_URI names the "
               "server. A worker ends with SIGTERM, and prints then what it has done.",
               "job-worker"};
  app.add_option("--name", out.name, "of its node")->required();
  app.add_option("--connections", out.connections, "of its pool")->check(CLI::Range(1, 100));
  app.add_option("--prepared", out.prepared, "statements that each connection keeps")->check(CLI::Range(0, 1000));
  app.add_option("--max-running", out.max_running, "jobs at a time")->check(CLI::Range(1, 10'000));
  app.add_option("--lease", out.lease, "seconds")->check(CLI::Range(1.0, 60.0));
  app.add_option("--drain", out.drain, "seconds for its jobs after SIGTERM")->check(CLI::Range(0.0, 600.0));
  app.add_option("--kinds", out.kinds, "what it has handlers for: transfer,refund")
      ->delimiter(',')
      ->check(CLI::IsMember({"transfer", "refund"}));
  app.add_option("--clock-offset", out.clock_offset, "seconds by which its system clock is wrong");
  app.add_flag("--migrate", out.migrate, "creates the tables before");
  app.add_option("--submit", out.submitter.jobs, "submits so many jobs, and ends then");
  app.add_option("--per-second", out.submitter.per_second, "jobs")->check(CLI::Range(1.0, 1e6));
  app.add_option("--callers", out.submitter.callers, "threads that submit")->check(CLI::Range(1, 100));
  app.add_option("--accounts", out.submitter.accounts, "accounts are numbered from 1")->check(CLI::Range(1, 1'000'000));
  app.add_option("--seed", out.submitter.seed, "for what is submitted");
  app.add_option("--log", out.submitter.log, "file for what became of the submissions");
  app.add_option("--single", out.single, "submits one job of this kind, with --number and --how, and ends")
      ->check(CLI::IsMember({"transfer", "refund"}));
  app.add_option("--number", out.number, "of the single job");
  app.add_option("--how", out.how, "what the handler of the single transfer is to do");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  return out;
}

/// Waits for SIGTERM, which the threads of this process do not get.
void await_end(const sigset_t& signals) {
  int which = 0;
  sigwait(&signals, &which);
}

nlohmann::json to_json(const job_queue_status& x) {
  return {{"node", x.node},
          {"running", x.running},
          {"claimed", x.claimed},
          {"done", x.done},
          {"retried", x.retried},
          {"discarded", x.discarded},
          {"snoozed", x.snoozed},
          {"lost", x.lost},
          {"leases_lost", x.leases_lost},
          {"errors", x.database_errors},
          {"last_error", x.last_error}};
}

void drain(caf::actor_system& sys, const job_queue& queue, const options& how) {
  caf::scoped_actor self{sys};
  self->request(queue, caf::infinite, drain_atom_v,
                std::chrono::duration_cast<caf::timespan>(std::chrono::duration<double>{how.drain}))
      .receive([] {}, [](const caf::error& reason) { throw std::runtime_error{describe(reason)}; });
}

void work(caf::actor_system& sys, const pool_actor& pool, const job_queue& queue, const options& how,
          const sigset_t& signals) {
  auto handlers = spawn_handlers(sys, pool, queue, how.kinds);
  std::cout << "ready" << std::endl;
  await_end(signals);
  caf::scoped_actor self{sys};
  auto report = nlohmann::json{};
  self->request(queue, caf::infinite, status_atom_v)
      .receive([&](const job_queue_status& now) { report = to_json(now); },
               [](const caf::error& reason) { throw std::runtime_error{describe(reason)}; });
  report["clock"] = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  drain(sys, queue, how);
  self->send_exit(handlers, caf::exit_reason::user_shutdown);
  std::cout << report << std::endl;
}

void submit_single(caf::actor_system& sys, const job_queue& queue, const options& how) {
  caf::scoped_actor self{sys};
  auto work =
      how.single == "refund" ? make_job(refund{how.number, 1, 2}) : make_job(transfer{how.number, 1, 2, how.how});
  self->request(queue, caf::infinite, submit_atom_v, std::move(work).attempted_at_most(3).with_backoff({50ms, 500ms}))
      .receive([](const job_id& id) { std::cout << to_string(id) << std::endl; },
               [](const caf::error& reason) { throw std::runtime_error{describe(reason)}; });
}

void run(const options& how, const sigset_t& signals) {
  auto uri = std::getenv("DATABASE_URI");
  if (uri == nullptr)
    throw std::runtime_error{"DATABASE_URI is not set"};
  settings all;
  all.server = parse_uri(uri);
  all.pool.size = how.connections;
  all.pool.max_overflow = 0;
  all.pool.prepared_statements = how.prepared;
  all.retry = {.max_retries = 1000, .initial_delay = 20ms, .max_delay = 500ms};
  job_settings rules;
  rules.node = how.name;
  rules.lease = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>{how.lease});
  rules.poll = 200ms;
  rules.poll_longest = 500ms;
  if (how.kinds.empty())
    rules.queues.clear();
  else
    rules.queues.front().max_running = how.max_running;
  rules.housekeeping = !how.kinds.empty();
  actor_system_config config;
  caf::actor_system sys{config};
  scoped_pool pool{sys, all};
  if (how.migrate)
    migrate_jobs(sys, pool);
  auto queue = spawn_job_queue(sys, pool, rules);
  try {
    if (!how.single.empty())
      submit_single(sys, queue, how);
    else if (how.submitter.jobs > 0)
      submit_all(sys, pool, queue, how.submitter);
    else if (!how.kinds.empty())
      return work(sys, pool, queue, how, signals);
    drain(sys, queue, how);
  } catch (const std::exception& error) {
    std::cerr << "job-worker: error: " << error.what() << std::endl;
    std::_Exit(1); // Actors are left.
  }
}

} // namespace

int main(int argc, char** argv) try {
  auto how = parse(argc, argv);
  clock_offset = how.clock_offset;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  init();
  caf::init_global_meta_objects<caf::id_block::ledger_jobs>();
  spdlog::stderr_logger_mt("cenote");
  run(how, signals);
  return 0;
} catch (const std::exception& error) {
  std::cerr << "job-worker: error: " << error.what() << '\n';
  return 1;
}
