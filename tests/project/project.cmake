# Tests of the project as a whole: its layers, its documents, its scripts, its package.

find_package(Python3 REQUIRED COMPONENTS Interpreter)

add_test(NAME project.layers COMMAND Python3::Interpreter "${CMAKE_CURRENT_LIST_DIR}/check_layers.py"
                                     "${PROJECT_SOURCE_DIR}")
add_test(NAME project.layers_check_itself
         COMMAND Python3::Interpreter "${CMAKE_CURRENT_LIST_DIR}/check_layers.py" --self-test)

add_test(NAME project.documents COMMAND Python3::Interpreter "${CMAKE_CURRENT_LIST_DIR}/check_documents.py"
                                        "${PROJECT_SOURCE_DIR}")
add_test(NAME project.documents_check_itself
         COMMAND Python3::Interpreter "${CMAKE_CURRENT_LIST_DIR}/check_documents.py" --self-test)

add_test(NAME project.mariadb_script
         COMMAND bash "${CMAKE_CURRENT_LIST_DIR}/mariadb.sh" "${PROJECT_SOURCE_DIR}/scripts/mariadb")
set_tests_properties(project.mariadb_script PROPERTIES TIMEOUT 600)

add_test(NAME project.certificates_script
         COMMAND bash "${CMAKE_CURRENT_LIST_DIR}/certificates.sh" "${PROJECT_SOURCE_DIR}/scripts/certificates")

# What watches a pool from outside, with a real Prometheus.
add_test(NAME project.monitoring
         COMMAND Python3::Interpreter "${CMAKE_CURRENT_LIST_DIR}/check_monitoring.py" "${PROJECT_SOURCE_DIR}"
                 "${PROJECT_BINARY_DIR}")
set_tests_properties(project.monitoring PROPERTIES TIMEOUT 300)

# How it is run as a service and in containers. By Debian's Python, for which scripts/setup has installed a YAML parser.
add_test(NAME project.deployment
         COMMAND /usr/bin/python3 "${CMAKE_CURRENT_LIST_DIR}/check_deployment.py" "${PROJECT_SOURCE_DIR}"
                 "${PROJECT_BINARY_DIR}")

# Needs the whole build.
add_test(NAME project.package
         COMMAND ${CMAKE_COMMAND} "-DBUILD=${PROJECT_BINARY_DIR}" "-DSOURCE=${PROJECT_SOURCE_DIR}"
                 "-DGENERATOR=${CMAKE_GENERATOR}" "-DBUILD_TYPE=${CMAKE_BUILD_TYPE}"
                 "-DLAUNCHER=${CENOTE_CCACHE}" -P "${CMAKE_CURRENT_LIST_DIR}/package.cmake")
set_tests_properties(project.package PROPERTIES TIMEOUT 900)
