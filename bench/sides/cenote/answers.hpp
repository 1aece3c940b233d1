#pragma once

#include "caller.hpp"

#include "cenote/result.hpp"
#include "cenote/statement.hpp"
#include "cenote/transaction.hpp"

namespace cenote::bench {

// -- what a caller asks ----------------------------------------------------------------

inline statement select_point(const caller& self) {
  return read("SELECT id, title, link, chapters FROM bench_point WHERE id = ?", self.id());
}

inline statement select_large() {
  return read("SELECT id, body FROM bench_large");
}

inline transaction book_entry(const caller& self) {
  return all_or_nothing(write("UPDATE bench_account SET balance = balance + 1 WHERE id = ?", self.id()),
                        write("INSERT INTO bench_entry (account) VALUES (?)", self.id()));
}

// -- and what it makes of the answers ----------------------------------------------------

/// @throws std::runtime_error if there is not one row.
manga copy(const result& rows);

large_answer copy_all(const result& rows);

} // namespace cenote::bench
