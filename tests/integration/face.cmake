# The blocking face, against private servers.
cenote_test(face
            SOURCES support/actor_fixture.cpp support/pool_fixture.cpp support/server.cpp support/silent_listener.cpp
                    integration/face_calls.cpp integration/face_control.cpp integration/face_sessions.cpp integration/face_threads.cpp
                    integration/face_own_pool.cpp
            SUITES face.calls face.control face.sessions face.threads face.own_pool
            LINK cenote::actors cenote::config)
