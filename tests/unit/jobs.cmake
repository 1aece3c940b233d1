# The rules of jobs: no actors, no server, no clock.
cenote_test(jobs
            SOURCES unit/jobs_backoff.cpp unit/jobs_cron.cpp unit/jobs_cron_reference.cpp unit/jobs_job_text.cpp
                    unit/jobs_periodic.cpp unit/jobs_rate_limit.cpp unit/jobs_time_zone.cpp
            SUITES jobs.backoff jobs.cron jobs.cron_reference jobs.job_text jobs.periodic jobs.rate_limit jobs.time_zone
            LINK cenote::jobs cenote::types)
