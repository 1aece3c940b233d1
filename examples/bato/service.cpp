#include "bato/service.hpp"

#include "bato/jobs.hpp"
#include "bato/report.hpp"
#include "cenote/error.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

namespace bato {

namespace {

using namespace cenote;
using namespace std::chrono_literals;

struct service_state {
  static inline const char* name = "bato.service";

  service_state(caf::event_based_actor* ptr, repository_actor repo, pool_actor target_pool, service_options opts,
                caf::actor reports_to)
      : self{ptr},
        repository{std::move(repo)},
        pool{std::move(target_pool)},
        options{opts},
        owner{std::move(reports_to)} {
    // nop
  }

  caf::behavior make_behavior() {
    job_settings settings;
    settings.lease = 5s; // What a killed service has left is continued after this time.
    queue = spawn_job_queue(self->system(), pool, settings);
    worker = self->spawn(work, repository);
    queue.on<start_round>(worker);
    queue.on<scrape_manga>(worker);
    queue.on<end_round>(worker);
    begin();
    return {[this](int32_t signal) { stop(signal); }};
  }

  auto failed() {
    return [this](const caf::error& error) { fail(describe(error)); };
  }

  void begin() {
    auto round = make_job(start_round{options.stale_after, options.batch}).unique("round");
    if (!options.once)
      self->request(queue, caf::infinite, submit_atom_v, periodic_job{"rounds", every(options.interval), round})
          .then([] { spdlog::info("the rounds are scheduled"); }, failed());
    self->request(queue, caf::infinite, submit_atom_v, round)
        .then(
            [this](const job_id& id) {
              if (options.once)
                await(id, [this] { await_round(); });
            },
            failed());
  }

  // -- one round -----------------------------------------------------------------------

  /// The round that was begun, or that was under way: one that a killed service has left, for instance.
  void await_round() {
    self->request(repository, caf::infinite, last_run_atom_v)
        .then(
            [this](const std::optional<scrape_run>& run) {
              await(*parse_job_id(run->round), [this, key = run->round] { report(key); });
            },
            failed());
  }

  void await(const job_id& id, std::function<void()> next) {
    self->request(queue, caf::infinite, await_atom_v, id)
        .then(
            [this, next = std::move(next)](const job_status& work) {
              if (work.state == job_state::done)
                next();
              else
                fail(work.kind + " is " + to_string(work.state) + ": " + work.error);
            },
            failed());
  }

  void report(const std::string& key) {
    self->request(repository, caf::infinite, outcomes_atom_v, key)
        .then(
            [this, key](const std::vector<scrape_outcome>& outcomes) {
              for (auto& outcome : outcomes)
                if (outcome.after != outcome.before)
                  self->send(owner, to_line(outcome));
              report_sums(key);
            },
            failed());
  }

  void report_sums(const std::string& key) {
    self->request(repository, caf::infinite, caf::get_atom_v, key)
        .then(
            [this](const std::optional<scrape_run>& run) {
              self->send(owner, to_line(*run));
              drain(0);
            },
            failed());
  }

  // -- the end -------------------------------------------------------------------------

  void fail(const std::string& reason) {
    if (draining)
      return;
    spdlog::error("{}", reason);
    drain(1);
  }

  void stop(int32_t signal) {
    if (draining)
      return;
    spdlog::info("signal {}: ending what has begun; another signal cuts it", signal);
    drain(options.once ? 1 : 0);
  }

  /// What has not begun stays in the queue.
  void drain(int32_t code) {
    draining = true;
    self->request(queue, caf::infinite, drain_atom_v, caf::timespan{options.drain_timeout})
        .then([this, code] { drain_pool(code); }, [this, code](const caf::error&) { drain_pool(code); });
  }

  void drain_pool(int32_t code) {
    self->request(pool, caf::infinite, drain_atom_v, caf::timespan{options.drain_timeout})
        .then([this, code](const drain_report&) { finish(code); },
              [this](const caf::error& error) {
                spdlog::error("the pool could not be drained: {}", describe(error));
                finish(1);
              });
  }

  void finish(int32_t code) {
    self->send(owner, code);
    self->send_exit(worker, caf::exit_reason::user_shutdown);
    self->quit();
  }

  caf::event_based_actor* self;
  repository_actor repository;
  pool_actor pool;
  service_options options;
  caf::actor owner;
  job_queue queue;
  worker_actor worker;
  bool draining = false;
};

} // namespace

caf::actor spawn_service(caf::actor_system& sys, repository_actor repository, pool_actor pool, service_options options,
                         caf::actor owner) {
  return sys.spawn<caf::stateful_actor<service_state>>(std::move(repository), std::move(pool), options,
                                                       std::move(owner));
}

} // namespace bato
