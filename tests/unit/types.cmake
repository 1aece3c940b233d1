cenote_test(types
            SOURCES unit/types_value.cpp unit/types_statement.cpp unit/types_result.cpp unit/types_failure.cpp
            SUITES types.value types.statement types.result types.failure
            LINK cenote::types)
