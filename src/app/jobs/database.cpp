#include "app/jobs/database.hpp"

#include "app/advice.hpp"
#include "app/node_access.hpp"
#include "job_queue/notices.hpp"
#include "job_tables/schema.hpp"

#include <chrono>
#include <utility>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;

/// A look for a rare tag in millions of jobs takes seconds.
constexpr auto longest_statement = 2min;

[[noreturn]] void refuse(const failure& reason) {
  if (job_tables::says_no_tables(reason))
    throw command_error{job_tables::no_tables_text};
  throw command_error{explain_failed_statement(reason)};
}

} // namespace

job_database::job_database(const invocation& x) {
  constexpr auto critical = spdlog::level::critical;
  host_ = x.opts.through_node ? std::make_unique<pool_host>(for_one_command(x), x.caf_options)
                              : std::make_unique<pool_host>(for_one_connection(x.how), x.caf_options);
  on_signal_.emplace(x.signals.first(), cut{host_.get()});
  if (x.opts.through_node)
    if (auto problem = find_node_problem(*host_))
      throw command_error{critical, *problem};
  // The pool would wait for a server that is down; a person does not.
  if (auto server = host_->ask<verification>(verify_atom_v); !server)
    throw command_error{critical, explain_no_connection(server.error())};
  retrier_ = spawn_retrier(host_->system(), host_->pool(), x.how.retry);
}

result job_database::execute(statement query) {
  auto rows = host_->ask_actor<result>(retrier_, execute_atom_v, std::move(query).within(longest_statement));
  if (!rows)
    refuse(rows.error());
  return std::move(*rows);
}

tl::expected<std::vector<result>, failure> job_database::try_transact(std::vector<statement> statements) {
  transaction request{std::move(statements), {isolation::read_committed, false}, longest_statement, {}};
  return host_->ask_actor<std::vector<result>>(retrier_, transact_atom_v, std::move(request));
}

std::vector<result> job_database::transact(std::vector<statement> statements) {
  auto done = try_transact(std::move(statements));
  if (!done)
    refuse(done.error());
  return std::move(*done);
}

bool job_database::transact_unless(uint32_t number, std::vector<statement> statements) {
  auto done = try_transact(std::move(statements));
  if (!done && done.error().number != number)
    refuse(done.error());
  return done.has_value();
}

void job_database::notify_nodes() {
  notify_job_queues(host_->pool());
}

uint32_t job_database::version_of_tables() {
  auto rows = execute(job_tables::applied_version());
  auto version = rows.size() == 1 ? rows[0].get<std::optional<uint32_t>>(0) : std::nullopt;
  if (!version)
    throw command_error{job_tables::no_tables_text};
  return *version;
}

void job_database::require_tables(access what) {
  auto version = version_of_tables();
  auto known = job_tables::current_version();
  auto text = "the tables of the jobs have version " + std::to_string(version);
  if (version < known)
    throw command_error{text + ", this program needs " + std::to_string(known) + ": run 'cenote jobs migrate'"};
  if (version > known && what == access::write)
    throw command_error{text + ", but this program knows only version " + std::to_string(known)
                        + ": use the later program; nothing was changed"};
}

} // namespace cenote::app
