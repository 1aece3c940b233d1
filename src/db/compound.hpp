#pragma once

// Private to src/db: a header that includes mysql.h.

#include "cenote/result.hpp"
#include "cenote/transaction.hpp"

#include <optional>
#include <string>
#include <vector>

#include <mysql.h>

namespace cenote::db {

/// Writes a whole transaction as one compound statement, which travels in one round trip. It ends at the first error,
/// and leaves it to the client to roll back. Every statement gives exactly one result set. Only for transactions that
/// fit (`pool::fits_compound`), and only for MariaDB.
/// @returns why it cannot be sent; nothing if it can.
std::optional<std::string> write_compound(std::string& out, const transaction& request,
                                          const MARIADB_CHARSET_INFO& charset);

/// For each statement whether it gives rows; otherwise its result set holds its effects.
std::vector<bool> which_give_rows(const transaction& request);

/// Takes the results of the statements out of the result of the compound statement.
/// @returns nothing if there are more or fewer, or one is not of the expected form.
std::optional<std::vector<result>> results_of_compound(result all, const std::vector<bool>& give_rows);

} // namespace cenote::db
