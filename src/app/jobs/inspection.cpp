#include "app/jobs/commands.hpp"
#include "app/jobs/texts.hpp"
#include "app/json.hpp"
#include "app/printable.hpp"
#include "job_tables/rows.hpp"
#include "job_tables/server_time.hpp"
#include "job_tables/statements.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

// The commands of `cenote jobs` that change nothing.

namespace cenote::app {

namespace {

using json = nlohmann::ordered_json;

/// So many kinds are counted in one statement.
constexpr size_t kinds_at_once = 50;

server_clock::time_point server_time(job_database& db) {
  auto rows = db.execute(job_tables::current_time());
  if (rows.size() != 1)
    throw command_error{"the server does not tell its time"};
  return job_tables::time_point_at(rows[0].get<int64_t>(0));
}

json list_of_jobs(json jobs) {
  json out;
  out["jobs"] = std::move(jobs);
  return out;
}

} // namespace

job_tables::job_filter filter_of(const jobs_options& x) {
  return {x.queue, x.kind, x.tag, x.states};
}

std::vector<job_tables::queue_and_kind> find_pairs(job_database& db, const job_tables::job_filter& filter) {
  if (!filter.is_indexed())
    return {};
  return job_tables::matching(filter, job_tables::read_queues_and_kinds(db.execute(job_tables::queues_and_kinds())));
}

job_tables::state_of_job find_job(job_database& db, const std::string& text) {
  constexpr size_t most_shown = 4;
  auto range = parse_id_prefix(text).value(); // The command line was checked.
  auto found = job_tables::read_states(db.execute(job_tables::find_between(range.first, range.last, most_shown + 1)));
  if (found.empty())
    throw command_error{"there is no job " + printable(text)};
  if (found.size() == 1)
    return found.front();
  auto out = "several jobs have ids that begin with " + printable(text) + ": ";
  for (size_t i = 0; i < std::min(found.size(), most_shown); ++i)
    out += (i == 0 ? "" : ", ") + to_string(found[i].id);
  throw command_error{out + (found.size() > most_shown ? " and more" : "") + "; say more of the id"};
}

answer list_jobs(job_database& db, const options& opts) {
  db.require_tables(job_database::access::read);
  auto filter = filter_of(opts.jobs);
  auto pairs = find_pairs(db, filter);
  auto jobs = job_tables::read_statuses(db.execute(job_tables::list(filter, pairs, opts.jobs.limit)));
  if (!opts.json)
    return {success, job_table(jobs, server_time(db))};
  auto objects = json::array();
  for (auto& x : jobs)
    objects.push_back(job_object(x));
  return {success, dump(list_of_jobs(std::move(objects))) + "\n"};
}

answer show_jobs(job_database& db, const options& opts) {
  db.require_tables(job_database::access::read);
  auto now = server_time(db);
  auto objects = json::array();
  std::string pages;
  for (auto& text : opts.jobs.ids) {
    auto id = find_job(db, text).id;
    auto jobs = job_tables::read_statuses(db.execute(job_tables::statuses({&id, 1})));
    auto terms = job_tables::read_terms(db.execute(job_tables::terms(id)));
    if (jobs.empty() || !terms)
      throw command_error{"the job " + to_string(id) + " has just been removed"};
    if (opts.json)
      objects.push_back(job_object(jobs.front(), *terms));
    else
      pages += (pages.empty() ? "" : "\n") + job_page(jobs.front(), *terms, now);
  }
  return {success, opts.json ? dump(list_of_jobs(std::move(objects))) + "\n" : pages};
}

answer count_jobs(job_database& db, const options& opts) {
  db.require_tables(job_database::access::read);
  auto filter = filter_of(opts.jobs);
  auto pairs =
      job_tables::matching(filter, job_tables::read_queues_and_kinds(db.execute(job_tables::queues_and_kinds())));
  jobs_overview found;
  constexpr auto all = std::numeric_limits<uint64_t>::max();
  for (size_t i = 0; i < pairs.size(); i += kinds_at_once) {
    auto part = std::span{pairs}.subspan(i, std::min(kinds_at_once, pairs.size() - i));
    for (auto& x : job_tables::read_counts(db.execute(job_tables::count(part, all, most_counted)), part))
      found.kinds.push_back(std::move(x));
  }
  found.limits = job_tables::read_all_limits(db.execute(job_tables::all_limits()));
  if (!filter.queue.empty())
    std::erase_if(found.limits, [&](auto& x) { return x.queue != filter.queue; });
  found.nodes = job_tables::read_nodes(db.execute(job_tables::nodes()));
  return {success, opts.json ? dump(overview_object(found)) + "\n" : overview_tables(found)};
}

} // namespace cenote::app
