#pragma once

#include "cenote/result.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace cenote::db {

/// The columns of a result: those of a prepared statement are the same for all its results.
using shared_columns = std::shared_ptr<const std::vector<column>>;

/// How the server sends the values of a column in the binary protocol, and how it would write them in the text
/// protocol.
struct binary_format {
  uint8_t type = 0; ///< The protocol's number, an `enum_field_types`.
  bool is_unsigned = false;
  uint8_t decimals = 0;     ///< Digits behind the point; from `any_decimals` on as many as the value needs.
  uint8_t padded_width = 0; ///< Of a ZEROFILL column: it has zeros in front. Otherwise zero.

  static constexpr uint8_t any_decimals = 31;
};

/// Adds a row of the binary protocol to a result, each cell as the server would have written it in the text protocol,
/// except that a FLOAT has all its digits.
/// @returns false if it is malformed; then the result is unusable.
bool add_binary_row(result_builder& out, std::span<const binary_format> columns, std::string_view packet);

} // namespace cenote::db
