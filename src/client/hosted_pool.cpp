#include "client/hosted_pool.hpp"

#include "cenote/node.hpp"
#include "cenote/pool.hpp"

#include <string>

namespace cenote {

hosted_pool::system_config::system_config(const caf::settings& options) {
  apply("", options);
}

void hosted_pool::system_config::apply(const std::string& prefix, const caf::settings& options) {
  for (auto& [name, option] : options) {
    auto key = prefix + name;
    if (key == "caf.openssl")
      continue; // For programs that communicate with other nodes; that module is not loaded here.
    if (auto inner = caf::get_if<caf::settings>(&option))
      apply(key + ".", *inner);
    else
      set(key, option);
  }
}

hosted_pool::hosted_pool(const settings& config, const caf::settings& caf_options, bool with_retrier)
    : config_{caf_options}, system_{config_}, handle_{spawn_pool(system_, config.server, config.pool)} {
  if (with_retrier)
    handle_ = spawn_retrier(system_, handle_, config.retry);
}

hosted_pool::hosted_pool(const remote_settings& nodes, const caf::settings& caf_options)
    : config_{caf_options}, system_{config_}, handle_{connect(system_, nodes)} {
  // nop
}

} // namespace cenote
