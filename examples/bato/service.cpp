#include "bato/service.hpp"

#include "bato/scrape.hpp"
#include "cenote/error.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <string>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

namespace bato {

namespace {

using cenote::describe;
using wall_clock = std::chrono::system_clock;

struct service_state {
  static inline const char* name = "bato.service";

  service_state(caf::event_based_actor* ptr, repository_actor repo, cenote::pool_actor target_pool,
                service_options opts, caf::actor reports_to)
      : self{ptr},
        repository{std::move(repo)},
        pool{std::move(target_pool)},
        options{opts},
        owner{std::move(reports_to)} {
    // nop
  }

  ~service_state() { timer.dispose(); }

  caf::behavior make_behavior() {
    begin_round();
    return {[this](int32_t signal) { stop(signal); }};
  }

  // -- a round -------------------------------------------------------------------------

  void begin_round() {
    working = true;
    run = {};
    report.clear();
    auto now = wall_clock::now();
    run.began = to_datetime(now);
    self->request(repository, caf::infinite, stale_atom_v, to_datetime(now - options.stale_after), options.batch)
        .then([this](const std::vector<manga_details>& list) { work_through(list); },
              [this](const caf::error& error) { round_failed("cannot read the list: " + describe(error)); });
  }

  void work_through(const std::vector<manga_details>& list) {
    open = list.size();
    if (list.empty())
      end_round();
    // All at once: the pool lets as many through as it has connections.
    for (auto& entry : list)
      work_on(entry);
  }

  void work_on(const manga_details& manga) {
    auto found = scrape(manga);
    if (!found) {
      failed(manga, "its page cannot be read");
      return;
    }
    auto after = manga;
    after.chapters = *found;
    after.last_scraped = to_datetime(wall_clock::now());
    self->request(repository, caf::infinite, caf::put_atom_v, after)
        .then([this, before = manga, after](uint64_t) { scraped(before, after); },
              [this, manga](const caf::error& error) { failed(manga, describe(error)); });
  }

  void scraped(const manga_details& before, const manga_details& after) {
    ++run.scraped;
    if (after.chapters != before.chapters) {
      ++run.updated;
      note(after.title + ": " + std::to_string(before.chapters) + " -> " + std::to_string(after.chapters)
           + " chapters");
    }
    one_done();
  }

  void failed(const manga_details& manga, const std::string& reason) {
    ++run.failed;
    note(manga.title + ": " + reason);
    one_done();
  }

  void one_done() {
    if (--open == 0)
      end_round();
  }

  void end_round() {
    run.ended = to_datetime(wall_clock::now());
    self->request(repository, caf::infinite, record_atom_v, run)
        .then(
            [this](uint64_t id) {
              note("run " + std::to_string(id) + ": " + std::to_string(run.scraped) + " scraped, "
                   + std::to_string(run.updated) + " with new chapters, " + std::to_string(run.failed) + " failed");
              round_done(0);
            },
            [this](const caf::error& error) { round_failed("cannot record the run: " + describe(error)); });
  }

  /// The database may be away for a while: the next round tries again.
  void round_failed(const std::string& reason) {
    spdlog::error("{}", reason);
    round_done(1);
  }

  void round_done(int32_t code) {
    working = false;
    self->request(pool, caf::infinite, cenote::status_atom_v)
        .then([](const cenote::pool_status& status) { spdlog::info("{}", to_string(status)); },
              [](const caf::error& error) { spdlog::warn("cannot get the pool's status: {}", describe(error)); });
    if (options.once) {
      for (auto& line : report)
        self->send(owner, line);
      drain(code);
    } else if (stopping) {
      drain(0);
    } else {
      timer = self->run_delayed(options.interval, [this] { begin_round(); });
    }
  }

  void note(const std::string& line) {
    spdlog::info("{}", line);
    report.push_back(line);
  }

  // -- the end -------------------------------------------------------------------------

  void stop(int32_t signal) {
    if (std::exchange(stopping, true))
      return;
    spdlog::info("signal {}: {}; another signal cuts it", signal, working ? "finishing the round" : "stopping");
    timer.dispose();
    if (working) {
      timer = self->run_delayed(options.drain_timeout, [this] { drain(0); });
    } else {
      drain(0);
    }
  }

  void drain(int32_t code) {
    if (std::exchange(draining, true))
      return;
    timer.dispose();
    self->request(pool, caf::infinite, cenote::drain_atom_v, caf::timespan{options.drain_timeout})
        .then([this, code](const cenote::drain_report&) { finish(code); },
              [this](const caf::error& error) {
                spdlog::error("the pool could not be drained: {}", describe(error));
                finish(1);
              });
  }

  void finish(int32_t code) {
    self->send(owner, code);
    self->quit();
  }

  caf::event_based_actor* self;
  repository_actor repository;
  cenote::pool_actor pool;
  service_options options;
  caf::actor owner;
  caf::disposable timer; ///< Of the next round, or of the end.

  scrape_run run;                  ///< The round under way, or the last one.
  std::vector<std::string> report; ///< Its lines.
  size_t open = 0;                 ///< Manga not done yet.
  bool working = false;
  bool stopping = false;
  bool draining = false;
};

} // namespace

caf::actor spawn_service(caf::actor_system& sys, repository_actor repository, cenote::pool_actor pool,
                         service_options options, caf::actor owner) {
  return sys.spawn<caf::stateful_actor<service_state>>(std::move(repository), std::move(pool), options,
                                                       std::move(owner));
}

} // namespace bato
