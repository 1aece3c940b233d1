#include "actors/pool_actor_state.hpp"
#include "cenote/configuration.hpp"
#include "cenote/error.hpp"
#include "connection/classification.hpp"
#include "log/log.hpp"

namespace cenote {

namespace {

std::string cannot_change(const std::string& key) {
  return key + " cannot change while the pool runs: start it anew";
}

/// Why these rules cannot follow those; empty if they can.
std::string obstacle(const pool_settings& before, const pool_settings& after) {
  if (before.name != after.name)
    return cannot_change("pool.name");
  if (before.pipeline_depth != after.pipeline_depth)
    return cannot_change("pool.pipeline-depth");
  if (before.io_threads != after.io_threads)
    return cannot_change("pool.io-threads");
  return {};
}

std::string out_of_range(const settings& all) {
  try {
    check(all);
    return {};
  } catch (const configuration_error& err) {
    return err.what();
  }
}

} // namespace

/// Why these settings cannot be used from now on; empty if they can.
std::string pool_actor_state::obstacle_to(const settings& all) const {
  if (auto problem = out_of_range(all); !problem.empty())
    return problem;
  if (auto problem = obstacle(rules, all.pool); !problem.empty())
    return problem;
  if (!connections_of->leads_to(all.server))
    return cannot_change("where the server is");
  return {};
}

caf::result<void> pool_actor_state::reconfigure(const settings& all) {
  if (auto problem = obstacle_to(all); !problem.empty())
    return make_error(own_failure(errc::invalid_setting, outcome::rejected, problem));
  auto renew = connections_of->reconfigure(all.server);
  if (!renew && rules == all.pool)
    return caf::unit;
  rules = all.pool;
  measured.apply(rules);
  connections_of->measure_statements(rules.statement_statistics);
  log().info("pool {}: other settings hold from now on{}", rules.name,
             renew ? "; the connections are replaced one after the other" : "");
  perform(core.reconfigure(rules, renew, now()));
  return caf::unit;
}

} // namespace cenote
