#pragma once

#include "types/printable.hpp"

namespace cenote::app {

/// What the program prints is made safe for a terminal as what the library logs is.
using cenote::is_utf8;
using cenote::printable;
using cenote::show;
using cenote::show_within;
using cenote::shown;

} // namespace cenote::app
