#pragma once

#include "integration/app_program.hpp"
#include "support/screen_emulator.hpp"

#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>
#include <termios.h>

namespace cenote::test {

/// A program of the build folder on a terminal of its own.
class terminal_program {
public:
  /// @param words its name, or its path if that is absolute, and its arguments.
  /// @param variables added to the environment, which has none of cenote's; TERM is xterm unless said otherwise.
  explicit terminal_program(std::vector<std::string> words, environment variables = {}, unsigned short columns = 80,
                            unsigned short rows = 24);
  terminal_program(const terminal_program&) = delete;

  /// Kills it if it still runs.
  ~terminal_program();

  /// The processes that it has started itself.
  std::vector<pid_t> children() const;

  /// Waits until the text is seen; false if it takes too long.
  bool shows(const std::string& text);

  /// Waits until it holds; false if it takes too long. What the program writes is seen meanwhile.
  bool comes(const std::function<bool()>& condition);

  /// What is on the terminal.
  const screen_emulator& screen() const noexcept { return screen_; }

  void type(const std::string& keys) const;
  void resize(unsigned short columns, unsigned short rows);
  void signal(int number) const;

  /// Whether the terminal is as it was when the program was started: its modes, its screen, its cursor.
  bool is_untouched();

  /// Waits for its end; one that takes longer than half a minute is killed.
  /// @param reads whether somebody reads what it writes meanwhile.
  /// @returns its exit code, 128 + number if a signal ended it.
  int wait(bool reads = true);

private:
  /// Takes what it has written, waiting a moment.
  void read_some();

  temporary_folder folder_;
  screen_emulator screen_;
  int fd_ = -1;
  pid_t pid_ = -1;
  termios before_{};
};

} // namespace cenote::test
