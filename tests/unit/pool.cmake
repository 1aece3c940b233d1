# The rules: no actors, no server, no clock.
cenote_test(pool
            SOURCES support/core_driver.cpp
                    unit/pool_core_growth.cpp unit/pool_core_queue.cpp unit/pool_core_returned.cpp
                    unit/pool_error_table.cpp unit/pool_refusals.cpp unit/pool_retry_rules.cpp unit/pool_sizing.cpp
                    unit/pool_waiting_queue.cpp unit/pool_waiting_queue_model.cpp
            SUITES pool.waiting_queue pool.sizing pool.core_growth pool.core_queue pool.core_returned pool.error_table
                   pool.refusals pool.retry_rules
            LINK cenote::pool)
