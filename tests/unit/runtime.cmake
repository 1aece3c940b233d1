# Event loops: no server, no socket.
cenote_test(runtime
            SOURCES unit/runtime_loop_gate.cpp
            SUITES runtime.loop_gate
            LINK cenote::runtime)
