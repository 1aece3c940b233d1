# The actors in virtual time: no server, no thread, no socket.
cenote_test(actors
            SOURCES support/exposition_text.cpp support/scripted_connections.cpp support/scripted_pool.cpp support/virtual_time.cpp
                    unit/actors_budget_agent.cpp unit/actors_call_times.cpp unit/actors_log_volume.cpp
                    unit/actors_log.cpp unit/actors_messages.cpp unit/actors_events.cpp unit/actors_metrics.cpp unit/actors_notice_board.cpp
                    unit/actors_retrier.cpp unit/actors_retrier_limits.cpp
                    unit/actors_pool_actor.cpp unit/actors_pool_actor_defects.cpp
                    unit/actors_pool_actor_drain.cpp unit/actors_pool_actor_losses.cpp unit/actors_pool_actor_upkeep.cpp unit/node_metrics.cpp unit/statement_statistics.cpp
            SUITES actors.budget_agent actors.call_times actors.log_volume
                   actors.events actors.log actors.messages actors.metrics actors.notice_board
                   actors.retrier actors.retrier_limits actors.pool_actor actors.pool_actor_defects actors.pool_actor_drain
                   actors.pool_actor_losses actors.pool_actor_upkeep actors.node_metrics actors.statement_statistics
            LINK cenote::client cenote::log cenote::metrics cenote::pool)
