#pragma once

#include "db/connection.hpp"

#include <string>

namespace cenote::db {

/// Logs in to the first of the servers that can be reached, runs a statement, and says goodbye. Blocks; within a
/// `guarded_call`, for its limit.
tl::expected<bool, driver_error> run_once(const server_settings& servers, const std::string& sql);

} // namespace cenote::db
