cenote_test(types
            SOURCES unit/types_value.cpp unit/types_statement.cpp unit/types_result.cpp unit/types_failure.cpp
                    unit/types_mapping.cpp unit/types_mapping_tables.cpp unit/types_time.cpp unit/types_recycling_map.cpp
            SUITES types.value types.statement types.result types.failure types.mapping types.time types.recycling_map
            LINK cenote::types)
