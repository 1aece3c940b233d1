#include "pool/error_streak.hpp"

#include <algorithm>
#include <array>

namespace cenote::pool {

namespace {

/// The first two characters of the SQL states of errors in a statement or its data, and of conflicts with others. Class
/// 42 has syntax and access, 23 constraints, 40 deadlocks, 44 and 45 what routines signal, 70 interruptions.
constexpr auto ordinary_classes =
    std::to_array<std::string_view>({"01", "02", "21", "22", "23", "40", "42", "44", "45", "70"});

/// The ordinary ones among those that the server gives no SQL state of their own, `HY000`; sorted.
constexpr auto ordinary_numbers = std::to_array<uint32_t>({
    1021, // The disk is full.
    1032, // The row is not there.
    1093, // The target of an UPDATE is read by it.
    1105, // Any error without a number of its own.
    1114, // The table is full.
    1205, // Lock wait.
    1227, // A privilege is missing.
    1290, // An option forbids it, for instance because the server is read-only.
    1364, // A column has no default.
    1366, // A value is not right for its column.
    1419, // A routine may not be created while the binary log is on.
    1442, // A trigger changes its own table.
    1526, // No partition for a value.
    1728, // A system table cannot be read.
    1792, // The transaction is read-only.
    3024, // MySQL's time limit.
});

static_assert(std::ranges::is_sorted(ordinary_numbers));

} // namespace

bool is_ordinary_error(uint32_t number, std::string_view sqlstate) {
  return std::ranges::find(ordinary_classes, sqlstate.substr(0, 2)) != ordinary_classes.end()
         || std::ranges::binary_search(ordinary_numbers, number);
}

void error_streak::failed(uint32_t number, std::string_view sqlstate, uint64_t caller) {
  if (is_ordinary_error(number, sqlstate))
    return;
  if (length_++ == 0) {
    first_caller_ = caller;
    several_ = false;
  }
  several_ |= caller != first_caller_;
}

} // namespace cenote::pool
