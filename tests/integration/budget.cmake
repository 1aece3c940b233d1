# Pools and processes that share a budget of connections, against private servers.
cenote_test(budget-server
            SOURCES support/actor_fixture.cpp support/callers.cpp support/pool_fixture.cpp support/server.cpp
                    support/session_user.cpp integration/app_http_client.cpp integration/app_program.cpp
                    integration/budget_processes.cpp integration/budget_shares.cpp integration/budget_support.cpp
            SUITES budget_server.processes budget_server.shares
            LINK cenote::app cenote::client cenote::log)
add_dependencies(test-budget-server cenote)
