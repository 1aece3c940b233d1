# The rules of one connection: no actors, no server, no clock.
cenote_test(connection
            SOURCES support/connection_driver.cpp
                    unit/connection_alone.cpp unit/connection_checks.cpp unit/connection_sessions.cpp
                    unit/connection_sharing.cpp unit/connection_stopping.cpp unit/connection_view.cpp
            SUITES connection.alone connection.checks connection.sessions connection.sharing connection.stopping connection.view
            LINK cenote::connection)
