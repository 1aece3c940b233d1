#include "app/jobs/commands.hpp"
#include "app/json.hpp"
#include "app/printable.hpp"
#include "cenote/database.hpp"
#include "cenote/jobs/migrate.hpp"
#include "cenote/jobs/settings.hpp"
#include "job_tables/rows.hpp"
#include "job_tables/statements.hpp"

#include <cstdio>
#include <set>
#include <string_view>
#include <utility>

#include <spdlog/spdlog.h>
#include <unistd.h>

// The commands of `cenote jobs` that change something.

namespace cenote::app {

namespace {

using json = nlohmann::ordered_json;
using job_tables::state_of_job;

/// Of many jobs, so many are looked for at once.
constexpr size_t jobs_at_once = 100;

std::string jobs_text(uint64_t n) {
  return std::to_string(n) + (n == 1 ? " job" : " jobs");
}

/// How a command that changes many speaks of what it does.
struct wording {
  std::string_view done;     ///< `cancelled`.
  std::string_view possible; ///< Which jobs it can be done to.
};

wording words_of(jobs_command what) {
  switch (what) {
  case jobs_command::retry:
    return {"retried", "only scheduled, discarded and cancelled jobs can be done again"};
  case jobs_command::cancel:
    return {"cancelled", "only jobs that have not ended can be cancelled"};
  default:
    return {"discarded", "only jobs that have not ended can be discarded"};
  }
}

std::string report(const options& opts, std::string_view done, uint64_t count) {
  if (!opts.json)
    return std::string{done} + " " + jobs_text(count) + "\n";
  json out;
  out[std::string{done}] = count;
  return dump(out) + "\n";
}

/// A counter on standard error, if that is a terminal.
class progress_line {
public:
  explicit progress_line(std::string_view done) : done_{done}, is_shown_{isatty(STDERR_FILENO) == 1} {
    // nop
  }
  progress_line(const progress_line&) = delete;

  ~progress_line() {
    if (is_shown_)
      std::fputs("\r\x1b[K", stderr);
  }

  void tell(uint64_t count) const {
    if (is_shown_)
      std::fprintf(stderr, "\r%s %s", std::string{done_}.c_str(), jobs_text(count).c_str());
  }

private:
  std::string_view done_;
  bool is_shown_;
};

/// @returns whether the job's state allowed it.
bool change(job_database& db, const options& opts, const job_id& id) {
  auto keep = job_settings{}.keep_failed;
  switch (opts.jobs.command) {
  case jobs_command::retry:
    return db.execute(job_tables::rerun(id)).affected_rows() > 0;
  case jobs_command::cancel:
    return db.transact_unless(job_tables::fence_error, job_tables::cancel(id, keep));
  default:
    return db.transact_unless(job_tables::fence_error, job_tables::discard(id, opts.jobs.reason, keep));
  }
}

/// Goes on after a job that cannot be changed, and says why.
answer change_single(job_database& db, const options& opts, const wording& words) {
  uint64_t count = 0;
  for (auto& text : opts.jobs.ids)
    try {
      auto found = find_job(db, text);
      if (change(db, opts, found.id)) {
        ++count;
        continue;
      }
      auto state = job_tables::read_states(db.execute(job_tables::states({&found.id, 1})));
      spdlog::error("the job {} is {}: {}", to_string(found.id),
                    to_string(state.empty() ? found.state : state.front().state), words.possible);
    } catch (const command_error& err) {
      if (opts.jobs.ids.size() == 1)
        throw;
      spdlog::log(err.level(), "{}", err.what());
    }
  auto is_complete = count == opts.jobs.ids.size();
  return {is_complete ? success : failed, is_complete || count > 0 ? report(opts, words.done, count) : ""};
}

/// Calls `f` with jobs that match until there are no more. A job is given only once, though it may match again.
template <class F>
void for_all(job_database& db, const jobs_options& what, F f) {
  auto filter = filter_of(what);
  std::set<job_id> seen;
  // Changed ones no longer match. Those that cannot be changed stay in the way, so more are looked for beyond them.
  for (size_t in_the_way = 0;;) {
    auto pairs = filter.is_indexed() ? find_pairs(db, filter) : std::vector<job_tables::queue_and_kind>{};
    auto found = job_tables::read_states(db.execute(job_tables::pick(filter, pairs, in_the_way + jobs_at_once)));
    auto is_new = false;
    for (auto& x : found)
      if (seen.insert(x.id).second) {
        is_new = true;
        in_the_way += f(x.id) ? 0 : 1;
      }
    if (!is_new)
      return;
  }
}

answer change_all(job_database& db, const options& opts, const wording& words) {
  uint64_t count = 0;
  try {
    progress_line progress{words.done};
    for_all(db, opts.jobs, [&](const job_id& id) {
      auto is_changed = change(db, opts, id);
      count += is_changed ? 1 : 0;
      progress.tell(count);
      return is_changed;
    });
  } catch (const command_error& err) {
    throw command_error{err.level(), err.what(), std::string{words.done} + " " + jobs_text(count) + " before"};
  }
  return {success, report(opts, words.done, count)};
}

/// Who holds the job's unique key.
job_id holder_of_key(job_database& db, const cenote::job& work) {
  for (auto& x : job_tables::read_holders(db.execute(job_tables::find_holders({&work, 1}))))
    if (x.unique_key == work.unique_key && x.kind == work.kind)
      return x.id;
  throw command_error{
      "the job was not stored, because another one held its unique key, which has just ended: try again"};
}

} // namespace

answer migrate_tables(job_database& db, const options& opts) try {
  auto done = migrate_jobs(db.system(), db.pool());
  if (opts.json) {
    json out;
    out["before"] = done.before;
    out["after"] = done.after;
    out["steps"] = done.steps;
    return {success, dump(out) + "\n"};
  }
  if (done.steps.empty())
    return {success, "The tables of the jobs have version " + std::to_string(done.after) + " already.\n"};
  std::string out;
  for (auto& step : done.steps)
    out += printable(step) + "\n";
  return {success, out + "The tables of the jobs have version " + std::to_string(done.after) + " now.\n"};
} catch (const database_error& err) {
  throw command_error{err.details().code == errc::invalid_setting ? err.details().text : err.what()};
}

answer submit_job(job_database& db, const options& opts) {
  db.require_tables(job_database::access::write);
  auto& work = opts.jobs.work;
  db.transact(job_tables::insert_jobs({&work, 1}));
  db.notify_nodes();
  auto id = work.id;
  if (!work.unique_key.empty() && job_tables::read_states(db.execute(job_tables::states({&id, 1}))).empty()) {
    id = holder_of_key(db, work);
    spdlog::error("nothing is stored: the job {} holds the unique key {}", to_string(id), printable(work.unique_key));
  }
  if (!opts.json)
    return {success, to_string(id) + "\n"};
  json out;
  out["id"] = to_string(id);
  out["stored"] = id == work.id;
  return {success, dump(out) + "\n"};
}

answer change_jobs(job_database& db, const options& opts) {
  db.require_tables(job_database::access::write);
  auto words = words_of(opts.jobs.command);
  auto done = opts.jobs.all ? change_all(db, opts, words) : change_single(db, opts, words);
  db.notify_nodes(); // Of those done again, and of what was released by the end of others.
  return done;
}

answer pause_queue(job_database& db, const options& opts) {
  db.require_tables(job_database::access::write);
  auto& queue = opts.jobs.ids.front();
  auto paused = opts.jobs.command == jobs_command::pause;
  db.execute(job_tables::set_paused(queue, paused));
  db.notify_nodes();
  job_tables::job_filter filter;
  filter.queue = queue;
  if (find_pairs(db, filter).empty())
    spdlog::error("there are no jobs in the queue {}: is that its name?", printable(queue));
  if (!opts.json)
    return {success, "The queue " + printable(queue) + (paused ? " is paused.\n" : " goes on.\n")};
  json out;
  out["queue"] = queue;
  out["paused"] = paused;
  return {success, dump(out) + "\n"};
}

answer prune_jobs(job_database& db, const options& opts) {
  db.require_tables(job_database::access::write);
  auto all = job_tables::read_queues_and_kinds(db.execute(job_tables::queues_and_kinds()));
  uint64_t count = 0;
  try {
    progress_line progress{"removed"};
    for (auto& pair : job_tables::matching(filter_of(opts.jobs), all))
      for (auto state : opts.jobs.states)
        for (;;) {
          std::vector<job_id> ids;
          for (auto& x : job_tables::read_states(db.execute(job_tables::old_jobs(pair, state, opts.jobs.age))))
            ids.push_back(x.id);
          if (ids.empty())
            break;
          count += db.execute(job_tables::remove(ids, state)).affected_rows();
          progress.tell(count);
        }
  } catch (const command_error& err) {
    throw command_error{err.level(), err.what(), "removed " + jobs_text(count) + " before"};
  }
  return {success, report(opts, "removed", count)};
}

namespace {

answer run(job_database& db, const options& opts) {
  switch (opts.jobs.command) {
  case jobs_command::migrate:
    return migrate_tables(db, opts);
  case jobs_command::list:
    return list_jobs(db, opts);
  case jobs_command::show:
    return show_jobs(db, opts);
  case jobs_command::submit:
    return submit_job(db, opts);
  case jobs_command::pause:
  case jobs_command::resume:
    return pause_queue(db, opts);
  case jobs_command::stats:
    return count_jobs(db, opts);
  case jobs_command::prune:
    return prune_jobs(db, opts);
  default:
    return change_jobs(db, opts);
  }
}

} // namespace

answer manage_jobs(const invocation& x) try {
  job_database db{x};
  return run(db, x.opts);
} catch (const command_error& err) {
  if (x.signals.received() != 0) {
    if (!err.so_far().empty())
      spdlog::error("interrupted; {}", err.so_far());
  } else {
    spdlog::log(err.level(), "{}{}", err.what(), err.so_far().empty() ? "" : "; " + err.so_far());
  }
  return {failed, {}};
} catch (const result_error& err) {
  spdlog::error("the tables of the jobs are not as this program knows them: {}", err.what());
  return {failed, {}};
}

} // namespace cenote::app
