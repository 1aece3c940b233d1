#include "cenote/jobs/migrate.hpp"

#include "cenote/database.hpp"
#include "cenote/error.hpp"
#include "client/waiting_thread.hpp"
#include "job_tables/schema.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace cenote {

namespace {

using namespace std::chrono_literals;

/// Of one migration on a large table, and of the wait for another process that is at it.
constexpr auto longest_step = 1h;
constexpr auto longest_wait_in_seconds = 600;

failure refusal(std::string text) {
  failure reason;
  reason.code = errc::invalid_setting;
  reason.outcome = outcome::rejected;
  reason.text = std::move(text);
  return reason;
}

/// Brings the tables to the current version in a session, which is what holds the lock.
class migrator {
public:
  migrator(caf::scoped_actor& self, const pool_actor& pool) : self_{self}, pool_{pool} {
    // nop
  }

  tl::expected<job_migration_report, failure> run() {
    auto session = check_out();
    if (!session)
      return tl::unexpected{session.error()};
    session_ = *session;
    auto report = migrate();
    self_->request(pool_, 30s, checkin_atom_v, session_).receive([] {}, [](const caf::error&) {});
    return report;
  }

private:
  tl::expected<session_id, failure> check_out() {
    tl::expected<session_id, failure> out;
    session_options options;
    options.owner = "cenote jobs migrate";
    self_->request(pool_, caf::infinite, checkout_atom_v, options)
        .receive([&out](session_id id) { out = id; },
                 [&out](const caf::error& error) { out = tl::unexpected{details(error)}; });
    return out;
  }

  tl::expected<result, failure> execute(statement query) {
    tl::expected<result, failure> out;
    self_->request(pool_, caf::infinite, execute_atom_v, session_, std::move(query).within(longest_step))
        .receive([&out](result& rows) { out = std::move(rows); },
                 [&out](const caf::error& error) { out = tl::unexpected{details(error)}; });
    return out;
  }

  /// The first column of the only row; nothing if it is NULL.
  tl::expected<std::optional<uint32_t>, failure> number(statement query) {
    auto rows = execute(std::move(query));
    if (!rows)
      return tl::unexpected{rows.error()};
    if (rows->size() != 1)
      return tl::unexpected{refusal("the server did not answer with one row")};
    return (*rows)[0].get<std::optional<uint32_t>>(0);
  }

  tl::expected<job_migration_report, failure> migrate() {
    auto locked = number(read("SELECT GET_LOCK('cenote_job_migration', ?)", longest_wait_in_seconds));
    if (!locked)
      return tl::unexpected{locked.error()};
    if (locked->value_or(0) != 1)
      return tl::unexpected{
          refusal("another process has been migrating the tables of the jobs for ten minutes: wait for "
                  "it, then try again")};
    if (auto created = execute(job_tables::create_migration_table()); !created)
      return tl::unexpected{created.error()};
    auto version = number(job_tables::applied_version());
    if (!version)
      return tl::unexpected{version.error()};
    job_migration_report report;
    report.before = version->value_or(0);
    report.after = job_tables::current_version();
    if (report.before > report.after)
      return tl::unexpected{refusal("the tables of the jobs have version " + std::to_string(report.before)
                                    + ", but this program knows only version " + std::to_string(report.after)
                                    + ": use the later program")};
    for (auto& step : job_tables::migrations()) {
      if (step.version <= report.before)
        continue;
      for (auto& change : step.statements)
        if (auto changed = execute(change); !changed)
          return tl::unexpected{changed.error()};
      if (auto noted = execute(job_tables::note_migration(step)); !noted)
        return tl::unexpected{noted.error()};
      report.steps.push_back("version " + std::to_string(step.version) + ": " + step.purpose);
    }
    return report;
  }

  caf::scoped_actor& self_;
  const pool_actor& pool_;
  session_id session_{};
};

} // namespace

job_migration_report migrate_jobs(caf::actor_system& sys, const pool_actor& pool) {
  refuse_actors();
  caf::scoped_actor self{sys};
  auto report = migrator{self, pool}.run();
  if (!report)
    throw database_error{std::move(report.error())};
  return std::move(*report);
}

} // namespace cenote
