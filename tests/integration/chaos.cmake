# What the pool makes of a database that misbehaves, against private servers of the tests' own.
cenote_test(chaos
            SOURCES support/actor_fixture.cpp support/callers.cpp support/pool_fixture.cpp support/server.cpp
                    support/session_user.cpp support/fault_proxy.cpp integration/chaos_support.cpp integration/chaos_faults.cpp
                    integration/chaos_cancel.cpp integration/chaos_cancel_retrier.cpp integration/chaos_ledger.cpp
                    integration/chaos_network.cpp integration/chaos_breaker.cpp integration/chaos_servers.cpp
                    integration/chaos_full.cpp integration/chaos_locks.cpp integration/chaos_kills.cpp
                    integration/chaos_overload.cpp
            SUITES chaos.cancel chaos.ledger chaos.network chaos.breaker chaos.servers chaos.full chaos.locks
                   chaos.kills chaos.overload
            LINK cenote::client cenote::log)
