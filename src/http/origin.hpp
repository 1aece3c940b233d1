#pragma once

#include "http/message.hpp"

#include <string_view>

namespace cenote::http {

/// Whether the header `Host` names this machine as it calls itself: `localhost`, `127.0.0.1`, `[::1]`, with or without
/// a port. A page elsewhere whose host name suddenly leads to this machine (DNS rebinding) sends its own.
bool names_this_machine(std::string_view host);

/// Whether the page in a browser that asks, if one does, is from the very host that it asks.
bool has_same_origin(const request& received);

} // namespace cenote::http
