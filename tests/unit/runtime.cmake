# Event loops, and the scheduler: no server, no socket.
cenote_test(runtime
            SOURCES unit/runtime_event_loop.cpp unit/runtime_liveness.cpp unit/runtime_loop_gate.cpp
                    unit/runtime_pending_reply.cpp unit/runtime_run_queue.cpp unit/runtime_visitor.cpp
            SUITES runtime.event_loop runtime.liveness runtime.loop_gate runtime.pending_reply runtime.run_queue
                   runtime.visitor
            LINK cenote::runtime)
