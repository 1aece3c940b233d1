# What `cenote top` shows: no terminal, no socket.
cenote_test(top
            SOURCES unit/top_node_view.cpp unit/top_numbers.cpp unit/top_screen.cpp unit/top_view.cpp
            SUITES top.node_view top.numbers top.screen top.view
            LINK cenote::app cenote::http)
