#pragma once

#include "integration/app_program.hpp"

#include <string>
#include <vector>

namespace cenote::test {

/// `cenote serve` that publishes the pool of the shared server, with two connections, at a free port of this machine.
class node_service {
public:
  /// @param options further ones; `--node-listen` among them overrides the free port.
  explicit node_service(std::vector<std::string> options = {}, environment variables = {});

  program& running() { return running_; }

  /// Where it listens: `127.0.0.1:4243`. Empty: it does not.
  const std::string& address() const noexcept { return address_; }

private:
  program running_;
  std::string address_;
};

/// A CA, and certificates of a node and a client of it.
class certificates {
public:
  certificates();

  std::string file(const std::string& name) const { return folder_.file("made/" + name); }

  /// The options of `cenote serve`, and of the commands that go through it.
  std::vector<std::string> of_node() const { return options("node", "node"); }
  std::vector<std::string> of_client() const { return options("remote", "client"); }

private:
  std::vector<std::string> options(const std::string& section, const std::string& name) const;

  temporary_folder folder_;
};

/// The words one behind the other.
std::vector<std::string> operator+(std::vector<std::string> words, const std::vector<std::string>& more);

} // namespace cenote::test
