#pragma once

#include "app/styled_text.hpp"

#include <csignal>
#include <string_view>
#include <vector>

#include <termios.h>

namespace cenote::app {

/// The terminal at standard output, taken over for a screen that is drawn again and again: its other screen, no cursor,
/// keys read one by one. With this object it becomes what it was before.
/// @note For one thread, which takes SIGWINCH, SIGTSTP and SIGCONT meanwhile.
class terminal {
public:
  /// What has happened at the terminal.
  enum class event : uint8_t {
    none,
    redraw,    ///< Its size has changed, or it has been away.
    quit,      ///< The key `q`.
    interrupt, ///< Control-C.
    gone,      ///< Nobody is there any more.
  };

  /// Whether standard output is a terminal that can do it.
  static bool is_usable();

  /// @param colours whether text may be coloured.
  /// @param cancelled readable when nobody should wait any longer for the terminal.
  /// @throws std::system_error if the system refuses it.
  terminal(bool colours, int cancelled);
  terminal(const terminal&) = delete;
  ~terminal();

  screen_size size() const;

  /// Shows lines that fit.
  void draw(const std::vector<styled_line>& lines);

  /// @name Descriptors
  /// Readable when `take_event` has something to do.
  /// @{
  int keys() const noexcept { return fd_; }
  int signals() const noexcept { return signals_; }
  /// @}

  /// Reads keys and signals that have come. While the program is stopped (Control-Z, SIGTSTP) the terminal is given
  /// back.
  event take_event();

private:
  event read_keys();
  event read_signals();
  void suspend();
  void take_over();
  void give_back();
  void write(std::string_view text) const;

  bool colours_;
  int cancelled_;
  int fd_;
  int signals_;
  sigset_t signals_before_{};
  termios modes_before_{};
};

} // namespace cenote::app
