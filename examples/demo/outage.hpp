#pragma once

#include "cenote/pool.hpp"

#include <cstddef>
#include <string>

namespace demo {

/// The worst moment for a loss: another transaction has locked all rows, so that every connection is in the middle of a
/// statement, and then the server ends all sessions in the database. Waits until they are gone.
/// @param control a pool with two connections and no database selected, so that they are not among the victims.
/// @returns how many sessions there were.
size_t cut_all_sessions(caf::actor_system& sys, const cenote::pool_actor& control, const std::string& database);

} // namespace demo
