#pragma once

#include "cenote/result.hpp"
#include "cenote/statement.hpp"
#include "pool/error_table.hpp"

#include <string_view>
#include <vector>

namespace cenote::pool {

// The effects that a statement may have although the server answered it with an error. In case of doubt, the rules
// assume some.

/// The lasting effects that the statement may have, judged by its text.
partial_effect partial_effect_of(std::string_view sql);

/// How to find out whether a failed statement has changed tables without transactions.
struct inquiry {
  bool undeterminable = false;      ///< It cannot be found out: some changes may remain.
  std::vector<statement> questions; ///< For the same session, at once. Empty: no change can remain.
};

/// What to ask after a statement that the server undoes as a whole, except for tables without transactions, and
/// functions and triggers that write to such. Nothing after a read, or after an error that shows that it never began.
inquiry inquire_after(const statement& failed, const observed_error& error);

/// Whether the answer to one of the questions says that some changes may remain.
bool has_lasting_effects(const result& answer);

} // namespace cenote::pool
