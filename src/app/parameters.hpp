#pragma once

#include "cenote/statement.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace cenote::app {

/// How a parameter from the command line is read.
enum class parameter_reading : uint8_t {
  by_form, ///< See `to_parameter`.
  as_text, ///< Everything is text.
};

/// Integers and decimals in the form in which the server itself would write them (`42`, `-1.50`; not `007`, `+1`,
/// `1e3`) become numbers, `NULL` becomes NULL, everything else is text.
value to_parameter(std::string_view text);

/// Builds a statement. One that starts with SELECT, SHOW, DESCRIBE, DESC or EXPLAIN is a read, any other a write.
statement to_statement(std::string sql, const std::vector<std::string>& params, parameter_reading how);

} // namespace cenote::app
