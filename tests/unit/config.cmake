cenote_test(config
            SOURCES unit/config_documents.cpp unit/config_duration.cpp unit/config_file.cpp unit/config_listen_address.cpp
                    unit/config_nearest.cpp unit/config_nodes.cpp
                    unit/config_secrets.cpp
                    unit/config_sources.cpp unit/config_table.cpp unit/config_uri.cpp
            SUITES config.documents config.duration config.file config.listen_address
                   config.nearest config.nodes config.secrets config.sources config.table config.uri
            LINK cenote::config)
