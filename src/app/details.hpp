#pragma once

#include "app/pool_host.hpp"
#include "http/router.hpp"

namespace cenote::app {

/// Adds what operators see of single connections, sessions and statements: `GET /status/connections`,
/// `/status/sessions`, `/status/statements`, and `POST /admin/kill/<session>`.
/// @param host must outlive the router.
void add_details(http::router& router, pool_host& host);

} // namespace cenote::app
