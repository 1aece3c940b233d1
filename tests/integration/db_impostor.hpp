#pragma once

#include "cenote/settings.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace cenote::test {

/// Something that listens where a server should and speaks just enough of its protocol to do harm. It serves one
/// client, on a thread of its own.
class impostor {
public:
  /// @param script what it does with its client; when that returns it says nothing more, but stays on the line until
  /// the
  ///               client has gone.
  explicit impostor(std::function<void(impostor&)> script);
  impostor(const impostor&) = delete;
  impostor& operator=(const impostor&) = delete;
  ~impostor();

  /// Where it is, with a user and a password worth stealing.
  server_settings settings() const;

  /// Waits until the client has gone. Everything that it sent.
  const std::string& received();

  // -- for scripts -------------------------------------------------------------

  /// Greets as a server that knows mysql_native_password, and TLS if asked to.
  void greet(bool with_tls = false);

  /// Reads a packet of the client.
  void read_packet();

  /// Sends a packet.
  void write_packet(uint8_t number, std::string_view payload);

  /// Sends bytes as they are.
  /// @returns whether the client was there to get them.
  bool write_raw(std::string_view bytes);

  /// Lets what `action` sends go out byte by byte, one in 100 ms, until the client has gone.
  template <class F>
  void drip(F action) {
    dripping_ = true;
    action();
    dripping_ = false;
  }

  /// Answers what a connection asks first about its session.
  void answer_first_query();

  /// Reads nothing more, and hangs up when the test ends.
  void stop_reading() { reading_ = false; }

  /// Welcomes the client after its login.
  void welcome(uint8_t number);

private:
  void serve();
  bool read_bytes(size_t count);

  std::function<void(impostor&)> script_;
  int listener_;
  int client_ = -1;
  uint16_t port_ = 0;
  std::string received_;
  bool dripping_ = false;
  bool reading_ = true;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

} // namespace cenote::test
