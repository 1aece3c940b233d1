# Pools that share a budget of connections, against a private server.
cenote_test(budget-server
            SOURCES support/actor_fixture.cpp support/callers.cpp support/pool_fixture.cpp support/server.cpp
                    integration/budget_shares.cpp
            SUITES budget_server.shares
            LINK cenote::client cenote::log)
