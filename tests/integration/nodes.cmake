# Pool nodes and their clients, against private servers.
cenote_test(nodes
            SOURCES support/actor_fixture.cpp support/callers.cpp support/certificates.cpp support/fault_proxy.cpp
                    support/nodes_fixture.cpp support/pool_fixture.cpp support/raw_peer.cpp support/raw_tls.cpp
                    support/server.cpp support/session_user.cpp support/silent_listener.cpp
                    integration/nodes_access.cpp integration/nodes_basic.cpp integration/nodes_failover.cpp
                    integration/nodes_hostile.cpp integration/nodes_large.cpp integration/nodes_quotas.cpp
            SUITES nodes.access nodes.basic nodes.failover nodes.hostile nodes.large nodes.quotas
            LINK cenote::client cenote::remote cenote::log spdlog::spdlog OpenSSL::SSL OpenSSL::Crypto)
