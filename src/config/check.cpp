#include "cenote/configuration.hpp"

#include "config/duration.hpp"
#include "config/listen_address.hpp"
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

} // namespace

void check(const settings& x) {
  for (auto& what : table())
    if (!in_range(what, x))
      throw configuration_error{what.key + " is " + format(what, x) + ", but must be " + permitted(what)};
  check_growth("pool.max-reconnect-delay", x.pool.max_reconnect_delay, "pool.reconnect-delay", x.pool.reconnect_delay);
  if (x.pool.kept() > x.pool.size)
    throw configuration_error{"pool.min-size is " + std::to_string(x.pool.kept())
                              + ", but must be at most pool.size, which is " + std::to_string(x.pool.size)};
  check_growth("retry.max-delay", x.retry.max_delay, "retry.initial-delay", x.retry.initial_delay);
  if (x.http.enabled() && !parse_listen_address(x.http.listen))
    throw configuration_error{"http.listen must be an address and a port such as 127.0.0.1:9180, [::1]:9180 or "
                              "0.0.0.0:9180, or off"};
  if (auto problem = find_problem(x.server); !problem.empty())
    throw configuration_error{"database server: " + problem};
}

} // namespace cenote
