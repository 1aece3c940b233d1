# Sockets and TLS over loopback: no database.
cenote_test(net
            SOURCES unit/net_endpoint.cpp unit/net_frame.cpp unit/net_frame_hostile.cpp unit/net_handshake.cpp
                    unit/net_hostile.cpp unit/net_identity.cpp unit/net_link.cpp unit/net_listener.cpp
                    unit/net_pulse.cpp unit/net_stream.cpp support/certificates.cpp support/raw_tls.cpp
                    support/stream_pair.cpp
            SUITES net.endpoint net.frame net.frame_hostile net.handshake net.hostile net.identity net.link net.listener
                   net.pulse net.stream
            LINK cenote::net OpenSSL::SSL OpenSSL::Crypto)
