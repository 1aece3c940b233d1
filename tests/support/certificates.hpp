#pragma once

#include "net/tls_identity.hpp"

#include <initializer_list>
#include <string>

namespace cenote::test {

/// A temporary folder with what scripts/certificates has made, one per process: the folders `good`, whose node is for
/// db.example as well, and which has the further clients `shop` and, expired, `old`; `other`, of another CA; and
/// `expired`.
class certificates {
public:
  /// @throws std::runtime_error if they cannot be made.
  static const certificates& get();

  ~certificates();

  /// `path("good/node.pem")`.
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  net::tls_identity::files node(const std::string& set) const;
  net::tls_identity::files client(const std::string& set) const;

  /// Loads an identity that has no mistakes.
  /// @throws std::runtime_error with the error of `load`.
  static net::tls_identity load(const net::tls_identity::files& names, net::tls_role role);

  /// Writes a file with the content of others, one after the other. @returns its path.
  std::string join(const std::string& name, std::initializer_list<std::string> parts) const;

  /// Writes a file. @returns its path.
  std::string write(const std::string& name, const std::string& content) const;

  /// Runs a command of the shell in the folder. @throws std::runtime_error if it fails.
  void run(const std::string& command) const;

private:
  certificates();

  std::string folder_;
};

} // namespace cenote::test
