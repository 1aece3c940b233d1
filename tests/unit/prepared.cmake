# Prepared statements: what needs no server.
cenote_test(prepared
            SOURCES unit/binary_row.cpp unit/prepared_set.cpp
            SUITES prepared.binary_row prepared.set
            LINK cenote::db)
