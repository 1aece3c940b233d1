# Transactions and sessions against private servers.
cenote_test(sessions
            SOURCES support/actor_fixture.cpp support/pool_fixture.cpp support/server.cpp support/session_user.cpp
                    integration/sessions_both_ways.cpp integration/sessions_conflicts.cpp integration/sessions_cuts.cpp
                    integration/sessions_ends.cpp integration/sessions_holders.cpp integration/sessions_injection.cpp integration/sessions_late.cpp integration/sessions_many.cpp
                    integration/sessions_remote.cpp integration/sessions_traces.cpp integration/sessions_transactions.cpp
                    integration/sessions_truth.cpp integration/sessions_use.cpp
            SUITES sessions.both_ways sessions.injection sessions.transactions sessions.conflicts sessions.cuts sessions.use sessions.truth sessions.late sessions.ends sessions.holders sessions.traces sessions.many
                   sessions.remote
            LINK cenote::client cenote::log spdlog::spdlog)
# A session on a node fails as one in the pool itself.
cenote_remote_test(sessions SUITES sessions.transactions sessions.conflicts sessions.cuts sessions.use sessions.truth
                                   sessions.late sessions.holders sessions.many)
