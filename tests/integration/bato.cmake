# The examples in one file each, and the Bato service, against private servers.
cenote_test(bato
            SOURCES support/actor_fixture.cpp support/server.cpp integration/app_processes.cpp
                    integration/app_program.cpp integration/bato_examples.cpp integration/bato_repository.cpp
                    integration/bato_service.cpp
            SUITES bato.examples bato.repository bato.service
            LINK bato cenote::app cenote::client cenote::log cenote::config)
add_dependencies(test-bato bato-service blocking first_query jobs repository transaction)

# The template for users' own tests is one itself.
add_test(NAME example.repository_test COMMAND repository_test -n -v3 -s "^library$")
set_tests_properties(example.repository_test PROPERTIES FAIL_REGULAR_EXPRESSION "tests:   0" TIMEOUT 60
                     WORKING_DIRECTORY "${PROJECT_BINARY_DIR}")
