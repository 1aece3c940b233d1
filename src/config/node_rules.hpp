#pragma once

#include "cenote/settings.hpp"

#include <string>
#include <string_view>

namespace cenote::config {

/// @name The problem with what several settings say together; empty: none
/// The files that they name are not looked at.
/// @{
std::string find_problem(const node_settings& node);
std::string find_problem(const remote_settings& remote);
std::string find_problem(const budget_settings& budget);
/// @}

} // namespace cenote::config
