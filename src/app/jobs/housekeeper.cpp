#include "app/jobs/housekeeper.hpp"

#include "app/jobs/database.hpp"
#include "cenote/error.hpp"
#include "cenote/jobs/queue.hpp"
#include "job_tables/rows.hpp"
#include "job_tables/schema.hpp"
#include "job_tables/statements.hpp"
#include "metrics/job_metrics.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <spdlog/spdlog.h>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// Pause between two looks for the tables, while there are none.
constexpr auto search_pace = 60s;
/// Pause between two counts, at least.
constexpr auto count_pace = 5s;
/// A pause is so many times as long as the count before it took.
constexpr auto restraint = 20;
constexpr auto longest_statement = 5s;

constexpr size_t most_kinds = 100;
constexpr uint64_t most_unfinished = 100'000;
constexpr uint64_t most_ended = 1'000;

constexpr std::array measured{job_state::scheduled, job_state::waiting, job_state::running, job_state::blocked,
                              job_state::discarded};

/// Asking for a table that does not exist would count as an error.
statement find_tables() {
  return read("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = "
              "'cenote_job_migration'");
}

job_settings for_housekeeping() {
  job_settings out;
  out.queues.clear();
  return out;
}

} // namespace

struct job_housekeeper::shared_state {
  std::mutex guard;
  std::shared_ptr<const jobs_overview> seen;
};

/// Looks for the tables; then counts, while a job queue works.
struct job_housekeeper::keeper {
  static inline const char* name = "cenote.app.job_housekeeper";

  keeper(caf::event_based_actor* ptr, pool_actor used, std::function<std::shared_ptr<const settings>()> in_force,
         std::shared_ptr<shared_state> notes)
      : self{ptr}, pool{std::move(used)}, current{std::move(in_force)}, state{std::move(notes)} {
    // nop
  }

  caf::behavior make_behavior() {
    self->monitor(pool);
    self->set_down_handler([this](caf::down_msg& x) {
      if (x.source == pool.address())
        self->quit();
      else if (queue && x.source == queue.address())
        queue = nullptr; // A defect: the next look starts it again.
    });
    return {
        [this](caf::tick_atom) { queue ? count() : search(); },
        [this](drain_atom, caf::timespan limit) { return drain(limit); },
    };
  }

  void again_after(caf::timespan pause) { self->delayed_send(self, pause, caf::tick_atom_v); }

  template <class F>
  void ask(statement query, F then) {
    self->request(pool, caf::infinite, execute_atom_v, std::move(query).within(longest_statement))
        .then([this, then](const result& rows) mutable { guarded(rows, then); },
              [this](const caf::error& error) { failed(details(error)); });
  }

  template <class F>
  void guarded(const result& rows, F& then) try {
    then(rows);
  } catch (const result_error& error) {
    spdlog::warn("the tables of the jobs are not as this program knows them: {}", error.what());
    forget();
    again_after(search_pace);
  }

  void failed(const failure& reason) {
    if (job_tables::says_no_tables(reason)) {
      forget(); // Dropped.
      again_after(search_pace);
    } else {
      again_after(count_pace);
    }
  }

  // -- the tables ------------------------------------------------------------------

  void search() {
    ask(find_tables(), [this](const result& rows) {
      if (rows.size() == 1 && rows[0].get<int64_t>(0) > 0)
        ask(job_tables::applied_version(), [this](const result& versions) { found(versions); });
      else
        again_after(search_pace);
    });
  }

  void found(const result& rows) {
    auto version = rows.size() == 1 ? rows[0].get<std::optional<uint32_t>>(0).value_or(0) : 0;
    if (version != job_tables::current_version()) {
      // Zero: they are being made.
      if (version != 0 && std::exchange(warned_of, version) != version)
        spdlog::warn(
            "jobs: the tables have version {}, this program works with {}: no housekeeping until that has changed",
            version, job_tables::current_version());
      again_after(search_pace);
      return;
    }
    queue = spawn_job_queue(self->system(), spawn_retrier(self->system(), pool, current()->retry), for_housekeeping());
    self->monitor(queue);
    spdlog::info("jobs: the database has their tables; keeping house");
    count();
  }

  // -- counting --------------------------------------------------------------------

  void count() {
    began = clock::now();
    ask(job_tables::queues_and_kinds(), [this](const result& rows) {
      auto pairs = job_tables::read_queues_and_kinds(rows);
      pairs.resize(std::min(pairs.size(), most_kinds));
      if (pairs.empty()) {
        count_nodes({});
        return;
      }
      auto query = job_tables::count(pairs, most_unfinished, most_ended);
      ask(std::move(query), [this, pairs](const result& counts) {
        jobs_overview seen;
        seen.kinds = job_tables::read_counts(counts, pairs);
        count_nodes(std::move(seen));
      });
    });
  }

  void count_nodes(jobs_overview seen) {
    ask(job_tables::all_limits(), [this, seen](const result& limits) mutable {
      seen.limits = job_tables::read_all_limits(limits);
      ask(job_tables::nodes(), [this, seen](const result& nodes) mutable {
        seen.nodes = job_tables::read_nodes(nodes);
        std::erase_if(seen.nodes, [](auto& node) { return node.lease <= 0s; });
        note(std::move(seen));
        again_after(std::max<caf::timespan>(count_pace, (clock::now() - began) * restraint));
      });
    });
  }

  void note(jobs_overview seen) {
    std::vector<metrics::job_count> counts;
    std::map<std::string, int64_t> oldest;
    for (auto& kind : seen.kinds) {
      for (auto one : measured) {
        auto most = has_ended(one) ? most_ended : most_unfinished;
        counts.push_back({kind.queue, kind.kind, to_string(one), std::min(kind.count(one), most)});
      }
      auto& age = oldest[kind.queue];
      age = std::max(age, std::chrono::duration_cast<std::chrono::seconds>(kind.oldest.value_or(0s)).count());
    }
    if (!measures)
      measures.emplace(self->system().metrics(), current()->pool.name);
    measures->set(counts, oldest, seen.nodes.size());
    publish(std::make_shared<const jobs_overview>(std::move(seen)));
  }

  void publish(std::shared_ptr<const jobs_overview> seen) {
    std::unique_lock lock{state->guard};
    state->seen.swap(seen);
  }

  /// There are no tables, or not those that are known.
  void forget() {
    publish(nullptr);
    if (measures)
      measures->set({}, {}, 0);
    if (queue)
      self->send_exit(queue, caf::exit_reason::user_shutdown);
    queue = nullptr;
  }

  // -- the end ---------------------------------------------------------------------

  caf::result<void> drain(caf::timespan limit) {
    auto promise = self->make_response_promise<void>();
    auto leave = [this, promise]() mutable {
      promise.deliver();
      self->quit();
    };
    if (!queue) {
      leave();
      return promise;
    }
    auto ends = std::exchange(queue, nullptr);
    // It has no jobs; it only says goodbye to the others.
    self->request(ends, limit, drain_atom_v, limit)
        .then([leave]() mutable { leave(); },
              [this, leave, ends](const caf::error&) mutable {
                self->send_exit(ends, caf::exit_reason::user_shutdown);
                leave();
              });
    return promise;
  }

  caf::event_based_actor* self;
  pool_actor pool;
  std::function<std::shared_ptr<const settings>()> current;
  std::shared_ptr<shared_state> state;
  job_queue_actor queue; ///< Null: there are no tables.
  std::optional<metrics::job_metrics> measures;
  clock::time_point began{};
  uint32_t warned_of = 0;
};

job_housekeeper::job_housekeeper(caf::actor_system& system, const pool_actor& pool,
                                 std::function<std::shared_ptr<const settings>()> current)
    : state_{std::make_shared<shared_state>()},
      actor_{system.spawn<caf::stateful_actor<keeper>>(pool, std::move(current), state_)} {
  // nop
}

job_housekeeper::~job_housekeeper() {
  caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
}

std::shared_ptr<const jobs_overview> job_housekeeper::look() const {
  std::unique_lock lock{state_->guard};
  return state_->seen;
}

nlohmann::ordered_json summary_object(const jobs_overview& x) {
  struct sums {
    uint64_t scheduled = 0;
    uint64_t waiting = 0;
    uint64_t running = 0;
    uint64_t discarded = 0;
    std::optional<std::chrono::nanoseconds> oldest;
  };
  std::map<std::string, sums> queues;
  for (auto& kind : x.kinds) {
    auto& sum = queues[kind.queue];
    sum.scheduled += kind.count(job_state::scheduled);
    sum.waiting += kind.count(job_state::waiting);
    sum.running += kind.count(job_state::running);
    sum.discarded += kind.count(job_state::discarded);
    sum.oldest = std::max(sum.oldest, kind.oldest);
  }
  using json = nlohmann::ordered_json;
  json out;
  out["nodes"] = x.nodes.size();
  out["queues"] = json::array();
  for (auto& [name, sum] : queues) {
    auto paused = std::ranges::any_of(
        x.limits, [&name = name](auto& limit) { return limit.queue == name && limit.kind.empty() && limit.paused; });
    json one;
    one["queue"] = name;
    one["paused"] = paused;
    one["scheduled"] = sum.scheduled;
    one["waiting"] = sum.waiting;
    one["running"] = sum.running;
    one["discarded"] = sum.discarded;
    one["oldest"] = sum.oldest ? json(std::chrono::duration<double>(*sum.oldest).count()) : json(nullptr);
    out["queues"].push_back(std::move(one));
  }
  return out;
}

} // namespace cenote::app
