# The whole pool, with connections on I/O threads, against private servers.
cenote_test(pool-server
            SOURCES support/actor_fixture.cpp support/callers.cpp support/pool_fixture.cpp support/server.cpp support/session_user.cpp
                    support/hostile_server.cpp support/silent_listener.cpp support/fault_proxy.cpp
                    integration/pool_beside.cpp integration/pool_connect.cpp integration/pool_details.cpp integration/pool_ends.cpp integration/pool_failures.cpp integration/pool_guests.cpp integration/pool_hanging.cpp integration/pool_hanging_checks.cpp integration/pool_hostile.cpp
                    integration/pool_kills.cpp integration/pool_lifecycle.cpp integration/pool_liveness.cpp
                    integration/pool_load.cpp integration/pool_pipelining.cpp integration/pool_prepared.cpp integration/pool_sizing.cpp integration/pool_reconfiguring.cpp integration/pool_remote.cpp integration/pool_restarts.cpp integration/pool_scheduler.cpp
                    integration/pool_shutdown.cpp integration/pool_statements.cpp integration/pool_timeouts.cpp
                    integration/pool_waiting.cpp
            SUITES pool_server.beside pool_server.guests pool_server.statements pool_server.failures pool_server.timeouts pool_server.details pool_server.connect_failures
                   pool_server.hanging_connects pool_server.hanging_checks pool_server.hostile pool_server.kills pool_server.restarts pool_server.load
                   pool_server.waiting pool_server.pipelining pool_server.prepared pool_server.sizing pool_server.ends pool_server.lifecycle pool_server.shutdown pool_server.liveness
                   pool_server.reconfiguring pool_server.remote pool_server.scheduler
            LINK cenote::client cenote::log spdlog::spdlog)
