# Payloads of jobs as JSON: no actors, no server.
cenote_test(payload
            SOURCES unit/payload_hostile.cpp unit/payload_mistakes.cpp unit/payload_times.cpp unit/payload_values.cpp
            SUITES payload.hostile payload.mistakes payload.times payload.values
            LINK cenote::payload cenote::types)
