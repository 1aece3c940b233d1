# The blocking facade, against private servers.
cenote_test(facade
            SOURCES support/actor_fixture.cpp support/pool_fixture.cpp support/server.cpp support/silent_listener.cpp
                    integration/facade_calls.cpp integration/facade_control.cpp integration/facade_sessions.cpp integration/facade_threads.cpp integration/facade_waiting.cpp
                    integration/facade_own_pool.cpp
            SUITES facade.calls facade.control facade.sessions facade.threads facade.waiting facade.own_pool
            LINK cenote::client cenote::log cenote::config)
