#pragma once

#include "cenote/settings.hpp"

#include <string>

namespace cenote::app {

/// Which log lines a command shows at the default level.
enum class log_profile : uint8_t {
  service, ///< All that the level says.
  one_shot ///< A command that ends by itself: `info` counts as `error`, for the outcome says what matters.
};

/// Makes "cenote" the program's logger: on standard error, one line per entry, as text or JSON. Replaces the one
/// before.
/// @param pool the name of the program's pool, which lines of JSON have; empty: it is not known yet.
void start_logging(const log_settings& how, log_profile amount = log_profile::service, const std::string& pool = {});

/// From now on a service logs what is at least of this level. From any thread.
void change_log_level(const std::string& level);

} // namespace cenote::app
