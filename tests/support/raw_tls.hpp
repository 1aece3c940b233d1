#pragma once

#include "net/tls_identity.hpp"
#include "net/unique_fd.hpp"

#include <memory>
#include <string>

struct ssl_st; // OpenSSL's SSL.

namespace cenote::test {

/// A peer that speaks TLS by OpenSSL alone: it checks nothing, and uses certificates that `tls_identity` refuses. Runs
/// in a thread of its own until the connection ends.
class raw_tls {
public:
  struct options {
    std::string certificate; ///< Empty: it shows none.
    std::string key;
    bool node = false;    ///< Whether it accepts the connection.
    bool tls_1_2 = false; ///< Speaks no TLS 1.3.
  };

  raw_tls(net::unique_fd socket, const options& how);
  ~raw_tls();

  /// Waits until the connection ends.
  void wait();

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace cenote::test
