#pragma once

#include "app/pool_host.hpp"
#include "cenote/details.hpp"
#include "http/router.hpp"

#include <vector>

#include <nlohmann/json.hpp>

namespace cenote::app {

/// Adds what operators see of single connections, sessions and statements: `GET /status/connections`,
/// `/status/sessions`, `/status/statements`, and `POST /admin/kill/<session>`.
/// @param host must outlive the router.
void add_details(http::router& router, pool_host& host);

/// Ids are texts: JavaScript has no numbers for all of them. Times are in seconds.
nlohmann::ordered_json to_json(const connection_details& x);
nlohmann::ordered_json to_json(const session_details& x);
nlohmann::ordered_json to_json(const statement_summary& x);

} // namespace cenote::app
