# Transactions and sessions against private servers.
cenote_test(sessions
            SOURCES support/actor_fixture.cpp support/pool_fixture.cpp support/server.cpp support/session_user.cpp
                    integration/sessions_both_ways.cpp
            SUITES sessions.both_ways
            LINK cenote::actors)
