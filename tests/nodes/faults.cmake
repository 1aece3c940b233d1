# Pool nodes and their clients as processes, under faults: of processes, and of the network between them.
find_package(CLI11 REQUIRED)

add_executable(node-worker "${PROJECT_SOURCE_DIR}/tests/support/node_worker.cpp")
cenote_options(node-worker)
set_target_properties(node-worker PROPERTIES CENOTE_IS_TEST ON)
target_link_libraries(node-worker PRIVATE cenote::app CLI11::CLI11)

add_test(NAME nodes.faults COMMAND Python3::Interpreter "${CMAKE_CURRENT_LIST_DIR}/faults.py" --short
                                   --build "${PROJECT_BINARY_DIR}")
set_tests_properties(nodes.faults PROPERTIES TIMEOUT 300)
add_test(NAME nodes.faults_check_itself
         COMMAND Python3::Interpreter "${CMAKE_CURRENT_LIST_DIR}/audit.py" --self-test)
