# Workers of a job queue as processes that are killed and frozen, on a server that is killed.
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)

set(job_worker_folder "${PROJECT_SOURCE_DIR}/tests/jobs")
add_executable(job-worker "${job_worker_folder}/job_worker.cpp" "${job_worker_folder}/ledger_handlers.cpp"
                          "${job_worker_folder}/ledger_submitter.cpp" "${job_worker_folder}/wrong_clock.cpp")
cenote_options(job-worker)
set_target_properties(job-worker PROPERTIES CENOTE_IS_TEST ON)
target_link_libraries(job-worker PRIVATE cenote::client cenote::job_queue cenote::config CAF::io CLI11::CLI11
                                         nlohmann_json::nlohmann_json spdlog::spdlog)

add_test(NAME jobs.ledger COMMAND Python3::Interpreter "${CMAKE_CURRENT_LIST_DIR}/ledger.py" --short
                                  --build "${PROJECT_BINARY_DIR}")
set_tests_properties(jobs.ledger PROPERTIES TIMEOUT 300)
