#pragma once

#include "cenote/transaction.hpp"

#include <string>
#include <string_view>

namespace cenote::pool {

// What can be told from the text of a statement without being a server. Where in doubt, each rule answers on the safe
// side.

/// Whether the statement begins or ends a transaction, by itself or implicitly.
bool touches_transaction(std::string_view sql);

/// Whether the statement may commit the transaction it runs in: also by way of a procedure.
bool may_commit(std::string_view sql);

/// Whether the statement may leave something behind in its session that the next user must not find: variables, locks,
/// temporary tables, another database ...
bool may_leave_traces(std::string_view sql);

/// Whether the statement may leave something behind that a reset of its session does not undo.
bool outlives_reset(std::string_view sql);

/// Whether the statement may use a connection beside others: running it twice does no harm, and it leaves nothing
/// behind.
bool is_shareable(const statement& x);

/// The statement, or only its first word if it may contain a password: for logs and events.
std::string without_secrets(std::string_view sql);

/// About how many bytes the statement has with its parameters.
size_t size_of(const statement& x);

/// Why a transaction is refused before anything is sent; empty if it is not.
/// @param index is set to the statement that is wrong.
std::string problem_of(const transaction& x, uint32_t& index);

/// Whether all of a transaction may travel as one compound statement, which only MariaDB knows: its statements must not
/// be able to run into each other, and each must give exactly one result.
bool fits_compound(const transaction& x);

} // namespace cenote::pool
