#pragma once

#include "app/table.hpp"
#include "cenote/details.hpp"
#include "cenote/node_status.hpp"
#include "cenote/result.hpp"
#include "cenote/status.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace cenote::app {

/// A result as one object: `{"columns": [names], "rows": [[values]], "affected_rows": n, "last_insert_id": n}`.
///
/// Integers and doubles become numbers, NULL null, everything else strings; bytes, and text that is not UTF-8,
/// `{"base64": "..."}`. The further results of a CALL are objects in an array `more`, which is there only if they are.
nlohmann::ordered_json to_json(const result& x);

/// The same, with an array `warnings` of `{"level", "code", "message"}` if there are any.
nlohmann::ordered_json to_json(const result& x, const std::vector<warning>& warnings);

/// A pool's status under the names that operators know.
nlohmann::ordered_json to_json(const pool_status& x);

/// @name What operators see of single connections, sessions and statements
/// Ids are texts: JavaScript has no numbers for all of them. Times are in seconds.
/// @{
nlohmann::ordered_json to_json(const std::vector<connection_details>& all);
nlohmann::ordered_json to_json(const std::vector<session_details>& all);
nlohmann::ordered_json to_json(const std::vector<statement_summary>& all);
/// @}

/// A pool node with its clients; times are in seconds.
nlohmann::ordered_json to_json(const node_status& x);

/// The JSON text on one line; what is not UTF-8 becomes U+FFFD.
std::string dump(const nlohmann::ordered_json& x);

/// The data as base64, with padding.
std::string base64(std::string_view data);

} // namespace cenote::app
