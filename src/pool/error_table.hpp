#pragma once

#include "cenote/detail/connection.hpp"
#include "cenote/failure.hpp"

#include <cstdint>
#include <string_view>

namespace cenote::pool {

/// How far the work had got when an error was observed.
enum class stage : uint8_t {
  connecting, ///< No session yet.
  unsent,     ///< The server cannot have run the statement.
  sent,       ///< It may have run it.
  committing, ///< It was a COMMIT, and has been sent.
};

/// An error as the server or Connector/C reported it.
struct observed_error {
  uint32_t number = 0;
  stage when = stage::sent;
  std::string_view text;  ///< Looked at only where one number means two things (1290).
  bool is_mariadb = true; ///< Some numbers mean something else on MySQL.
};

/// What an error means.
struct verdict {
  errc code = errc::server_error;   ///< Its class. Of a failed connect it also says what becomes of the pool.
  outcome what = outcome::rejected; ///< Of the statement, or of the whole transaction if it was a COMMIT.
  fate connection = fate::reusable; ///< What becomes of the connection; `lost` and `demoted` take others with them.
  bool operator==(const verdict&) const = default;
};

/// The one place that knows error numbers. An unknown number is an ordinary refusal by the server.
verdict judge(const observed_error& x);

} // namespace cenote::pool
