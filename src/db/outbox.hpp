#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cenote::db {

/// The commands of the protocol that go through an outbox, by their numbers.
enum class outgoing : char { query = 3, execute = 23 };

/// Statements on their way to a server without TLS and compression. They are handed over together: one system call, and
/// one wake-up of the server, for many. Connector/C needs both for each.
class outbox {
public:
  /// The largest statement; larger ones need several packets.
  static constexpr size_t max_statement = 0xff'fffe - 1;

  /// @param content what follows the command: the text of a query.
  void add(outgoing command, std::string_view content);

  /// Hands over as much as the system takes. After an error nothing more is sent: it shows when the answers are read.
  void flush(int socket);

  /// Whether it has to be flushed again when the socket is writable.
  bool is_waiting() const noexcept { return !failed_ && written_ < packets_.size(); }

  /// Statements that have not been handed over completely.
  size_t unsent() const noexcept;

private:
  std::string packets_;
  size_t written_ = 0;       ///< Bytes of `packets_` that the system has taken.
  std::vector<size_t> ends_; ///< Where each statement ends.
  bool failed_ = false;
};

} // namespace cenote::db
