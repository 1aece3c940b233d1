# What is measured, against private servers.
cenote_test(metrics-server
            SOURCES support/actor_fixture.cpp support/exposition_text.cpp support/pool_fixture.cpp support/server.cpp
                    support/session_user.cpp integration/pool_metrics.cpp
            SUITES pool_server.metrics
            LINK cenote::client cenote::log cenote::metrics)
