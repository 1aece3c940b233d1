#pragma once

#include "cenote/effective_settings.hpp"
#include "cenote/events.hpp"
#include "cenote/failure.hpp"
#include "cenote/result.hpp"
#include "cenote/session.hpp"
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

CAF_ADD_ATOM(cenote, cenote, execute_atom)
CAF_ADD_ATOM(cenote, cenote, transact_atom)
CAF_ADD_ATOM(cenote, cenote, checkout_atom)
CAF_ADD_ATOM(cenote, cenote, checkin_atom)
CAF_ADD_ATOM(cenote, cenote, begin_atom)
CAF_ADD_ATOM(cenote, cenote, commit_atom)
CAF_ADD_ATOM(cenote, cenote, rollback_atom)
CAF_ADD_ATOM(cenote, cenote, savepoint_atom)
CAF_ADD_ATOM(cenote, cenote, verify_atom)
CAF_ADD_ATOM(cenote, cenote, status_atom)
CAF_ADD_ATOM(cenote, cenote, dispose_atom)
CAF_ADD_ATOM(cenote, cenote, drain_atom)

CAF_ADD_TYPE_ID(cenote, (cenote::pool_events))
CAF_ADD_TYPE_ID(cenote, (cenote::effective_settings))
CAF_ADD_ATOM(cenote, cenote, handover_atom)
CAF_ADD_ATOM(cenote, cenote, evict_atom)
CAF_ADD_ATOM(cenote, cenote, pause_atom)
CAF_ADD_ATOM(cenote, cenote, resume_atom)
CAF_ADD_ATOM(cenote, cenote, settings_atom)
CAF_ADD_ATOM(cenote, cenote, subscribe_atom)
CAF_ADD_ATOM(cenote, cenote, unsubscribe_atom)

CAF_END_TYPE_ID_BLOCK(cenote)

CAF_ERROR_CODE_ENUM(cenote::errc)

// Needs the types' numbers.
#include "cenote/detail/value_inspection.hpp"
