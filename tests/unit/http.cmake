# What is answered over HTTP: no server, no socket.
cenote_test(http
            SOURCES unit/http_health.cpp unit/http_origin.cpp unit/http_router.cpp
            SUITES http.health http.origin http.router
            LINK cenote::app cenote::http)

# What is recorded of a pool.
cenote_test(record
            SOURCES unit/record_events.cpp unit/record_history.cpp unit/record_state.cpp
            SUITES record.events record.history record.state
            LINK cenote::app cenote::metrics)
