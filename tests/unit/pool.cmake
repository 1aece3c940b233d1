cenote_test(pool
            SOURCES support/core_driver.cpp unit/pool_waiting_queue.cpp unit/pool_waiting_queue_model.cpp
            SUITES pool.waiting_queue
            LINK cenote::pool)
