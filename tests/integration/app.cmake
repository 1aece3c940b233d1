# The programs, run as a user would, against private servers.
cenote_test(app
            SOURCES support/server.cpp support/silent_listener.cpp
                    integration/app_processes.cpp integration/app_program.cpp integration/app_text.cpp integration/app_command_line.cpp
                    integration/app_check.cpp integration/app_sql.cpp integration/app_serve.cpp
                    integration/app_embedded.cpp integration/app_secrecy.cpp integration/app_logging.cpp
                    integration/app_examples.cpp integration/app_signals.cpp
            SUITES app.text app.command_line app.check app.sql app.serve app.embedded app.secrecy app.logging
                   app.examples app.signals
            LINK cenote::app cenote::config)
add_dependencies(test-app cenote cenote-demo first_query)

cenote_test(app-http
            TIMEOUT 300
            SOURCES support/server.cpp integration/app_program.cpp integration/app_details.cpp integration/app_http.cpp
                    integration/app_http_abuse.cpp integration/app_http_client.cpp integration/app_http_probes.cpp
                    integration/app_node.cpp integration/app_notify.cpp
            SUITES app.details app.http app.http_abuse app.http_probes app.node app.notify
            LINK cenote::app cenote::client cenote::config)
add_dependencies(test-app-http cenote worker)

cenote_test(app-jobs
            TIMEOUT 300
            SOURCES support/server.cpp integration/app_http_client.cpp integration/app_jobs.cpp integration/app_program.cpp
                    unit/app_jobs_texts.cpp
            SUITES app.jobs app.jobs_texts
            LINK cenote::app cenote::config)
add_dependencies(test-app-jobs cenote)

cenote_test(app-top
            TIMEOUT 300
            SOURCES support/screen_emulator.cpp support/server.cpp integration/app_program.cpp
                    integration/app_terminal.cpp integration/app_top.cpp
            SUITES app.top
            LINK cenote::app cenote::config)
add_dependencies(test-app-top cenote)

# A pool with work to do, for what watches it from outside: the page, and Prometheus.
add_executable(loaded-service support/loaded_service.cpp)
cenote_options(loaded-service)
set_target_properties(loaded-service PROPERTIES CENOTE_IS_TEST ON)
target_link_libraries(loaded-service PRIVATE cenote::app cenote::config)
