# cenote-bench-network: a network with a delay; it is that of the tests.
add_executable(cenote-bench-network delay_proxy.cpp "${PROJECT_SOURCE_DIR}/tests/support/fault_proxy.cpp")
cenote_options(cenote-bench-network)
target_include_directories(cenote-bench-network PRIVATE "${PROJECT_SOURCE_DIR}/tests")
target_link_libraries(cenote-bench-network PRIVATE Threads::Threads)
