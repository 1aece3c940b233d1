# Job queues: their own tables, several nodes in one process.
cenote_test(job-queue
            SOURCES integration/jobs_backlog.cpp integration/jobs_basic.cpp integration/jobs_features.cpp integration/jobs_migrate.cpp integration/jobs_notices.cpp integration/jobs_plans.cpp support/actor_fixture.cpp support/jobs_fixture.cpp support/pool_fixture.cpp
                    support/server.cpp support/session_user.cpp
            SUITES jobs.backlog jobs.basic jobs.features jobs.migrate jobs.notices jobs.plans
            LINK cenote::job_queue cenote::client cenote::remote)
