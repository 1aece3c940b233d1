#pragma once

namespace cenote::app {

/// What the program tells its caller at the end. A program that a signal ended early returns 128 + the signal's number.
enum exit_code : int {
  success = 0,
  failed = 1,    ///< The operation failed.
  wrong_use = 2, ///< The command line or the configuration cannot be used; nothing was tried.
  by_signal = 128,
};

} // namespace cenote::app
