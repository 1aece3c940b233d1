#pragma once

#include "cenote/settings.hpp"

#include <string>
#include <vector>

#include <sys/types.h>

namespace cenote::test {

/// A private MariaDB server, started with `scripts/mariadb` in a temporary folder of its own. It ends, and its folder
/// is removed, with this object or with the process, however that ends. All functions block and throw
/// `std::runtime_error` with the script's own words if something fails.
class private_server {
public:
  /// @param options further options of mariadbd: `--max-connections=5`.
  explicit private_server(std::vector<std::string> options = {});

  private_server(const private_server&) = delete;
  private_server& operator=(const private_server&) = delete;
  ~private_server();

  /// Starts it again, on the same port and data, after it was stopped or killed.
  void start();

  /// The same with other options than before.
  void start(std::vector<std::string> options);

  /// Shuts it down in order: it tells its clients.
  void stop();

  /// Ends it without a word.
  void kill9();

  /// Its process, for signals; zero if it does not run.
  pid_t pid() const noexcept { return pid_; }

  /// The server's address over TCP, and a user with all privileges.
  server_settings settings() const;

  /// The same over the unix socket.
  server_settings socket_settings() const;

  /// The same as `settings`, as a URI.
  const std::string& uri() const noexcept { return uri_; }

  /// Its folder. Further files may be put beside its own; they are removed with it.
  const std::string& folder() const noexcept { return folder_; }

private:
  std::string run(std::vector<std::string> arguments) const;
  std::string content(const std::string& file) const;

  std::string folder_;
  std::vector<std::string> options_;
  std::string uri_;
  pid_t pid_ = 0;
};

/// A server without options that all tests of a process share. Started when it is first asked for.
private_server& shared_server();

} // namespace cenote::test
