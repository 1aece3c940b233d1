# The rules of pool nodes and their clients: no actors, no server, no clock.
cenote_test(node
            SOURCES unit/node_fair_gate.cpp unit/node_remote_core.cpp unit/node_remote_core_world.cpp
                    unit/node_session_record.cpp
            SUITES node.fair_gate node.remote_core node.remote_core_world node.session_record
            LINK cenote::node cenote::pool cenote::types)
