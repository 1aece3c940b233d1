#include "cenote/configuration.hpp"

#include "config/duration.hpp"
#include "config/listen_address.hpp"
#include "config/node_rules.hpp"
#include "config/server_rules.hpp"
#include "config/setting.hpp"

namespace cenote {

namespace {

using namespace config;

/// A delay grows from `first` to `last`.
void check_growth(const std::string& last_key, std::chrono::nanoseconds last, const std::string& first_key,
                  std::chrono::nanoseconds first) {
  if (last < first)
    throw configuration_error{last_key + " is " + format_duration(last) + ", but must be at least " + first_key
                              + ", which is " + format_duration(first)};
}

/// @param problem empty: none.
void require_none(const std::string& problem) {
  if (!problem.empty())
    throw configuration_error{problem};
}

} // namespace

void check(const settings& config) {
  for (auto& definition : table())
    if (!in_range(definition, config))
      throw configuration_error{definition.key + " is " + format(definition, config) + ", but must be "
                                + permitted(definition)};
  check_growth("pool.max-reconnect-delay", config.pool.max_reconnect_delay, "pool.reconnect-delay",
               config.pool.reconnect_delay);
  if (config.pool.kept() > config.pool.size)
    throw configuration_error{"pool.min-size is " + std::to_string(config.pool.kept())
                              + ", but must be at most pool.size, which is " + std::to_string(config.pool.size)};
  check_growth("retry.max-delay", config.retry.max_delay, "retry.initial-delay", config.retry.initial_delay);
  if (config.http.enabled() && !parse_listen_address(config.http.listen))
    throw configuration_error{"http.listen must be an address and a port such as 127.0.0.1:9180, [::1]:9180 or "
                              "0.0.0.0:9180, or off"};
  require_none(find_problem(config.node));
  require_none(find_problem(config.remote));
  require_none(find_problem(config.pool.budget));
  if (auto problem = find_problem(config.server); !problem.empty())
    throw configuration_error{"database server: " + problem};
}

} // namespace cenote
