# The database layer against private servers.
cenote_test(db
            SOURCES support/server.cpp support/hostile_server.cpp support/silent_listener.cpp integration/db_support.cpp integration/db_placeholders.cpp
                    integration/db_injection.cpp integration/db_named_placeholders.cpp
                    integration/db_impostor.cpp integration/db_connect.cpp integration/db_control_session.cpp integration/db_failures.cpp integration/db_pipelining.cpp integration/db_prepared.cpp integration/db_tls.cpp integration/db_types.cpp integration/db_results.cpp
                    integration/db_dripping.cpp integration/db_hostile.cpp
            SUITES db.injection db.connect db.control_session db.failures db.tls db.placeholders db.named_placeholders db.types db.results db.pipelining db.prepared db.dripping db.hostile
            LINK cenote::db)
