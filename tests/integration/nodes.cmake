# Pool nodes and their clients, against private servers.
cenote_test(nodes
            SOURCES support/actor_fixture.cpp support/pool_fixture.cpp support/server.cpp support/session_user.cpp
                    integration/nodes_basic.cpp
            SUITES nodes.basic
            LINK cenote::client cenote::remote cenote::log spdlog::spdlog)
