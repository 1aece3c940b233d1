#pragma once

#include "app/event_log.hpp"
#include "app/history.hpp"
#include "app/pool_state.hpp"
#include "cenote/settings.hpp"

#include <vector>

#include <nlohmann/json.hpp>

namespace cenote::app {

/// @name What is recorded of a pool, as HTTP answers it
/// Times in seconds; points in time as Unix time.
/// @{
nlohmann::ordered_json to_json(const pool_state& state);

/// @param servers whose breakers are named in the samples.
nlohmann::ordered_json to_json(const std::vector<history_sample>& samples, const server_settings& servers);

nlohmann::ordered_json to_json(const std::vector<logged_event>& events);
/// @}

} // namespace cenote::app
