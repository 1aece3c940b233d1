#pragma once

#include "http/router.hpp"

namespace cenote::app {

/// Adds the routes of the page for operators: `/` and the files that it loads. They hold no data, so that everybody may
/// have them; what the page shows it asks for with the token that its user types in.
/// @param to must end before the program does.
void add_page(http::router& to);

} // namespace cenote::app
