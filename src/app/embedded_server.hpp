#pragma once

#include <filesystem>
#include <stdexcept>
#include <stop_token>
#include <string>

namespace cenote::app {

/// The private server could not be started. The text is one line that says why and what to do.
class embedded_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// A private, throw-away MariaDB server in a temporary folder, run by the script `../libexec/cenote/mariadb` beside the
/// program. Should this process be killed, the server ends and the folder goes all the same.
class embedded_server {
public:
  /// Starts the server; takes a second or two.
  /// @param cancel gives up.
  /// @throws embedded_error if there is no script or no server, or it does not start.
  explicit embedded_server(std::stop_token cancel = {});
  embedded_server(const embedded_server&) = delete;

  /// Stops the server and removes its folder.
  ~embedded_server();

  /// Kills the server's process (`kill -9`), for those who want to see what happens then.
  /// @throws embedded_error if it does not run.
  void crash();

  /// Starts it again after a crash, on the same data, port and password; takes a second or two.
  /// @throws embedded_error if it does not start.
  void restart(std::stop_token cancel = {});

  /// Where it is, with its password: not for showing.
  const std::string& uri() const noexcept { return uri_; }

private:
  void start(std::stop_token cancel);
  void stop() noexcept;

  std::filesystem::path script_;
  std::filesystem::path folder_;
  std::string uri_;
};

} // namespace cenote::app
