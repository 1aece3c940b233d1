# The rules of jobs: no actors, no server, no clock.
cenote_test(jobs
            SOURCES unit/jobs_attempt_end.cpp unit/jobs_backoff.cpp unit/jobs_cron.cpp unit/jobs_cron_reference.cpp unit/jobs_job_text.cpp unit/jobs_lease_clock.cpp
                    unit/jobs_periodic.cpp unit/jobs_queue_pace.cpp unit/jobs_rate_limit.cpp unit/jobs_time_zone.cpp
            SUITES jobs.attempt_end jobs.backoff jobs.cron jobs.cron_reference jobs.job_text jobs.lease_clock jobs.periodic
                   jobs.queue_pace jobs.rate_limit jobs.time_zone
            LINK cenote::jobs cenote::types)
