# Whether what a failure says of its request is true, against private servers.
cenote_test(truth
            SOURCES support/actor_fixture.cpp support/pool_fixture.cpp support/server.cpp support/session_user.cpp
                    integration/truth_ledger.cpp integration/truth_remains.cpp integration/truth_set_up.cpp
            SUITES truth.ledger truth.remains truth.set_up
            LINK cenote::client cenote::log spdlog::spdlog)
