# The actors in virtual time: no server, no thread, no socket.
cenote_test(actors
            SOURCES support/scripted_pool.cpp support/virtual_time.cpp
                    unit/actors_retrier.cpp unit/actors_retrier_limits.cpp
            SUITES actors.retrier actors.retrier_limits
            LINK cenote::actors)
