#pragma once

#include "app/json.hpp"
#include "http/message.hpp"

namespace cenote::app {

inline http::response json_response(const nlohmann::ordered_json& body) {
  return {200, dump(body) + "\n", "application/json", {}};
}

} // namespace cenote::app
