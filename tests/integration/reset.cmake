# What becomes of a session that its user has changed, broken or left running, against private servers.
cenote_test(reset
            SOURCES support/actor_fixture.cpp support/fault_proxy.cpp support/pool_fixture.cpp support/server.cpp
                    support/session_user.cpp integration/chaos_support.cpp integration/reset_broken.cpp
                    integration/reset_identity.cpp integration/reset_kept.cpp
            SUITES reset.identity reset.kept reset.broken
            LINK cenote::client cenote::log)
