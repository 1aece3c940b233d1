# What is answered over HTTP: no server, no socket.
cenote_test(http
            SOURCES unit/http_health.cpp unit/http_router.cpp
            SUITES http.health http.router
            LINK cenote::app cenote::http)
