# The rules: no actors, no server, no clock.
cenote_test(pool
            SOURCES support/core_driver.cpp support/core_world.cpp support/core_world_checks.cpp
                    unit/pool_core_breaker.cpp unit/pool_core_budget.cpp unit/pool_core_generation.cpp unit/pool_core_servers.cpp
                    unit/pool_core_sharing.cpp unit/pool_core_shedding.cpp unit/pool_core_checks.cpp unit/pool_core_dispose.cpp unit/pool_core_drain.cpp
                    unit/pool_core_drain_outage.cpp unit/pool_core_growth.cpp unit/pool_core_reconfigure.cpp unit/pool_core_resizing.cpp unit/pool_core_on_demand.cpp unit/pool_core_outage.cpp
                    unit/pool_core_pause.cpp unit/pool_core_queue.cpp unit/pool_core_recycle.cpp unit/pool_core_returned.cpp
                    unit/pool_core_simulation.cpp unit/pool_core_status.cpp
                    unit/pool_admission.cpp unit/pool_budget.cpp unit/pool_budget_member.cpp unit/pool_circuit_breaker.cpp unit/pool_error_streak.cpp unit/pool_error_table.cpp unit/pool_load_shedder.cpp unit/pool_orphaned_sessions.cpp unit/pool_partial_effects.cpp
                    unit/pool_server_list.cpp unit/pool_refusals.cpp unit/pool_retry_rules.cpp unit/pool_sharing.cpp unit/pool_sizing.cpp
                    unit/pool_sql_rules.cpp unit/pool_session_transaction.cpp unit/pool_statement_digest.cpp
                    unit/pool_waiting_queue.cpp unit/pool_waiting_queue_model.cpp
            SUITES pool.budget pool.budget_member pool.core_breaker pool.core_budget pool.core_generation pool.core_servers pool.core_sharing pool.core_shedding
                   pool.admission pool.circuit_breaker pool.server_list pool.load_shedder pool.orphaned_sessions pool.waiting_queue pool.sharing pool.sizing pool.core_growth pool.core_reconfigure pool.core_resizing pool.core_on_demand pool.core_pause pool.core_queue pool.core_returned pool.core_checks
                   pool.core_recycle pool.core_outage pool.core_dispose pool.core_drain pool.core_status
                   pool.core_simulation
                   pool.error_streak pool.error_table pool.partial_effects pool.refusals pool.retry_rules pool.sql_rules pool.session_transaction pool.statement_digest
            LINK cenote::pool)
