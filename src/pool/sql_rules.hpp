#pragma once

#include "cenote/transaction.hpp"

#include <string>
#include <string_view>

namespace cenote::pool {

// What the text of a statement shows without the help of a server. In case of doubt, each rule answers on the safe
// side.

/// Whether the statement begins or ends a transaction, by itself or implicitly.
bool touches_transaction(std::string_view sql);

/// Whether the statement may commit the transaction it runs in, also through a procedure.
bool may_commit(std::string_view sql);

/// Whether the statement may leave traces in its session that the next user must not find: variables, locks, temporary
/// tables, another database ...
bool may_leave_traces(std::string_view sql);

/// Whether the statement may leave traces that a reset of its session does not undo.
bool outlives_reset(std::string_view sql);

/// Whether the statement may use a connection beside others: running it twice does no harm, and it leaves no
/// traces.
bool is_shareable(const statement& statement);

/// The statement, or only its first word if it may contain a password: for logs and events.
std::string without_secrets(std::string_view sql);

/// How many bytes the statement has with its parameters, approximately.
size_t size_of(const statement& statement);

/// Why a transaction is refused before anything is sent; empty if it is not.
/// @param index is set to the index of the invalid statement.
std::string problem_of(const transaction& transaction, uint32_t& index);

/// Whether a whole transaction may be sent as one compound statement, which only MariaDB knows: its statements must not
/// be able to run into each other, and each must give exactly one result.
bool fits_compound(const transaction& transaction);

} // namespace cenote::pool
