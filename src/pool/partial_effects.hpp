#pragma once

#include "cenote/result.hpp"
#include "cenote/statement.hpp"
#include "pool/error_table.hpp"

#include <string_view>
#include <vector>

namespace cenote::pool {

// What a statement may have done although the server answered it with an error. Where in doubt, the rules say:
// something.

/// What may last of the statement, as far as its text tells.
partial_effect partial_effect_of(std::string_view sql);

/// How to find out whether a failed statement has left something in tables without transactions.
struct inquiry {
  bool undeterminable = false;      ///< It cannot be found out: something may have stayed.
  std::vector<statement> questions; ///< For the same session, at once. Empty: nothing can have stayed.
};

/// What to ask after a statement that the server undoes as a whole, but for tables without transactions, and functions
/// and triggers that write to such. Nothing after a read, nor after an error that shows that it never began.
inquiry inquire_after(const statement& failed, const observed_error& why);

/// Whether the answer to one of the questions says that something may have stayed.
bool something_stayed(const result& answer);

} // namespace cenote::pool
