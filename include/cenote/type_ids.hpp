#pragma once

#include "cenote/details.hpp"
#include "cenote/effective_settings.hpp"
#include "cenote/events.hpp"
#include "cenote/failure.hpp"
#include "cenote/node_status.hpp"
#include "cenote/result.hpp"
#include "cenote/session.hpp"
#include "cenote/settings_update.hpp"
#include "cenote/statement.hpp"
#include "cenote/status.hpp"
#include "cenote/transaction.hpp"
#include "cenote/value.hpp"

#include <caf/is_error_code_enum.hpp>
#include <caf/type_id.hpp>

#include <vector>

// cenote's message types. Append only: the numbers are part of the network protocol, and every node of a cluster needs
// the same block. It starts well after `first_custom_type_id`, so that applications can number theirs from there
// (fewer than 200); cenote's internal messages begin at 400.
CAF_BEGIN_TYPE_ID_BLOCK(cenote, caf::first_custom_type_id + 200)

CAF_ADD_TYPE_ID(cenote, (cenote::null))
CAF_ADD_TYPE_ID(cenote, (cenote::bytes))
CAF_ADD_TYPE_ID(cenote, (cenote::decimal))
CAF_ADD_TYPE_ID(cenote, (cenote::date))
CAF_ADD_TYPE_ID(cenote, (cenote::datetime))
CAF_ADD_TYPE_ID(cenote, (cenote::time))
CAF_ADD_TYPE_ID(cenote, (cenote::statement_kind))
CAF_ADD_TYPE_ID(cenote, (cenote::statement))
CAF_ADD_TYPE_ID(cenote, (cenote::column))
CAF_ADD_TYPE_ID(cenote, (cenote::result))
CAF_ADD_TYPE_ID(cenote, (cenote::errc))
CAF_ADD_TYPE_ID(cenote, (cenote::outcome))
CAF_ADD_TYPE_ID(cenote, (cenote::failure))
CAF_ADD_TYPE_ID(cenote, (cenote::pool_status))
CAF_ADD_TYPE_ID(cenote, (cenote::verification))
CAF_ADD_TYPE_ID(cenote, (cenote::drain_report))
CAF_ADD_TYPE_ID(cenote, (cenote::breaker_state))
CAF_ADD_TYPE_ID(cenote, (cenote::isolation))
CAF_ADD_TYPE_ID(cenote, (cenote::transaction_options))
CAF_ADD_TYPE_ID(cenote, (cenote::transaction))
CAF_ADD_TYPE_ID(cenote, (cenote::session_id))
CAF_ADD_TYPE_ID(cenote, (cenote::session_options))
CAF_ADD_TYPE_ID(cenote, (std::vector<cenote::result>))

/// Runs one statement, in a session or outside of one.
CAF_ADD_ATOM(cenote, cenote, execute_atom)
/// Runs statements in one transaction, all or nothing.
CAF_ADD_ATOM(cenote, cenote, transact_atom)
/// Asks for a session: a connection for the exclusive use of its holder.
CAF_ADD_ATOM(cenote, cenote, checkout_atom)
/// Ends a session.
CAF_ADD_ATOM(cenote, cenote, checkin_atom)
/// Begins a transaction in a session.
CAF_ADD_ATOM(cenote, cenote, begin_atom)
/// Commits the transaction of a session.
CAF_ADD_ATOM(cenote, cenote, commit_atom)
/// Rolls the transaction of a session back, all of it or to a savepoint.
CAF_ADD_ATOM(cenote, cenote, rollback_atom)
/// Sets a savepoint in the transaction of a session.
CAF_ADD_ATOM(cenote, cenote, savepoint_atom)
/// Makes one round trip to the server, and fails early while the server is down.
CAF_ADD_ATOM(cenote, cenote, verify_atom)
/// Asks for the status of a pool.
CAF_ADD_ATOM(cenote, cenote, status_atom)
/// Replaces all connections of a pool.
CAF_ADD_ATOM(cenote, cenote, dispose_atom)
/// Shuts a pool down.
CAF_ADD_ATOM(cenote, cenote, drain_atom)

CAF_ADD_TYPE_ID(cenote, (cenote::pool_events))
CAF_ADD_TYPE_ID(cenote, (cenote::effective_settings))
/// Gives a session to another holder.
CAF_ADD_ATOM(cenote, cenote, handover_atom)
/// Has the connection of a session closed when the session ends.
CAF_ADD_ATOM(cenote, cenote, evict_atom)
/// Stops a pool from granting connections until it is resumed.
CAF_ADD_ATOM(cenote, cenote, pause_atom)
/// Ends a pause.
CAF_ADD_ATOM(cenote, cenote, resume_atom)
/// Asks for the settings that a pool works with.
CAF_ADD_ATOM(cenote, cenote, settings_atom)
/// Asks a pool for its events.
CAF_ADD_ATOM(cenote, cenote, subscribe_atom)
/// Ends a subscription to events.
CAF_ADD_ATOM(cenote, cenote, unsubscribe_atom)

CAF_ADD_TYPE_ID(cenote, (cenote::settings_update))
/// Applies new settings to a running pool.
CAF_ADD_ATOM(cenote, cenote, reconfigure_atom)

CAF_ADD_TYPE_ID(cenote, (cenote::pool_details))
CAF_ADD_TYPE_ID(cenote, (std::vector<cenote::statement_summary>))
/// Asks for the state of a pool's connections and sessions.
CAF_ADD_ATOM(cenote, cenote, details_atom)
/// Asks for the measurements of a pool's statements.
CAF_ADD_ATOM(cenote, cenote, statements_atom)
/// Ends a session of any holder.
CAF_ADD_ATOM(cenote, cenote, kill_atom)

CAF_ADD_TYPE_ID(cenote, (cenote::node_status))

CAF_END_TYPE_ID_BLOCK(cenote)

CAF_ERROR_CODE_ENUM(cenote::errc)

// Needs the types' numbers.
#include "cenote/detail/value_inspection.hpp"
