# Job queues: their own tables, several nodes in one process.
cenote_test(job-queue
            SOURCES integration/jobs_basic.cpp support/actor_fixture.cpp support/jobs_fixture.cpp support/pool_fixture.cpp
                    support/server.cpp
            SUITES jobs.basic
            LINK cenote::job_queue cenote::client)
