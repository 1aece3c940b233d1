# What users build repositories from, and test them with: no server, no thread.
cenote_test(repository
            SOURCES unit/repository_queries.cpp unit/repository_scripted_pool.cpp
            SUITES repository.queries repository.scripted_pool
            LINK cenote::client cenote::log)
