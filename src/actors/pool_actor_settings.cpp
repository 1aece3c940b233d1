#include "actors/pool_actor_state.hpp"
#include "cenote/configuration.hpp"
#include "cenote/error.hpp"
#include "connection/classification.hpp"
#include "log/log.hpp"

namespace cenote {

namespace {

std::string cannot_change(const std::string& key) {
  return key + " cannot change while the pool runs: restart it";
}

/// Why the rules cannot change in this way; empty if they can.
std::string obstacle(const pool_settings& before, const pool_settings& after) {
  if (before.name != after.name)
    return cannot_change("pool.name");
  if (before.pipeline_depth != after.pipeline_depth)
    return cannot_change("pool.pipeline-depth");
  if (before.io_threads != after.io_threads)
    return cannot_change("pool.io-threads");
  if (before.budget != after.budget)
    return cannot_change("the budget");
  return {};
}

std::string out_of_range(const settings& config) {
  try {
    check(config);
    return {};
  } catch (const configuration_error& err) {
    return err.what();
  }
}

} // namespace

/// Why the settings cannot change to these; empty if they can.
std::string pool_actor_state::obstacle_to(const settings& config) const {
  if (auto problem = out_of_range(config); !problem.empty())
    return problem;
  if (auto problem = obstacle(rules, config.pool); !problem.empty())
    return problem;
  if (!connections_of->leads_to(config.server))
    return cannot_change("the address of the server");
  return {};
}

budget_report pool_actor_state::set_budget(uint64_t share) {
  perform(core.set_budget(share, now()));
  auto levels = core.levels();
  return {core.slots().total(), levels.used + levels.waiting};
}

caf::result<void> pool_actor_state::reconfigure(const settings& config) {
  if (auto problem = obstacle_to(config); !problem.empty())
    return make_error(own_failure(errc::invalid_setting, outcome::rejected, problem));
  auto renew = connections_of->reconfigure(config.server);
  renew |= connections_of->keep_prepared(config.pool.prepared_statements);
  if (!renew && rules == config.pool)
    return caf::unit;
  rules = config.pool;
  measured.apply(rules);
  log().info("pool {}: new settings are in force{}", rules.name,
             renew ? "; the connections are replaced one after the other" : "");
  perform(core.reconfigure(rules, renew, now()));
  return caf::unit;
}

} // namespace cenote
