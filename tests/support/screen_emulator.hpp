#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cenote::test {

/// What a person sees of what a program writes to a terminal. Knows what programs here may write, and notes what it
/// does not know. Every character takes one column.
class screen_emulator {
public:
  screen_emulator(size_t columns, size_t rows);

  /// Takes what was written.
  void take(std::string_view text);

  /// As a terminal does when its window changes: what does not fit is gone.
  void resize(size_t columns, size_t rows);

  /// What is seen: one line per row, without blanks at their ends.
  std::string text() const;

  /// @name State
  /// @{
  bool on_other_screen() const noexcept { return other_; }
  bool has_cursor() const noexcept { return cursor_; }
  bool wraps() const noexcept { return wraps_; }
  /// @}

  /// Colours and the like, as they were asked for.
  const std::string& styles() const noexcept { return styles_; }

  /// Sequences that it does not know.
  const std::string& unknown() const noexcept { return unknown_; }

private:
  struct page {
    std::vector<std::u32string> rows;
    size_t row = 0;
    size_t column = 0;
  };

  page& seen() noexcept { return other_ ? pages_[1] : pages_[0]; }
  void put(char32_t c);
  void line_feed();
  void escape(std::string_view parameters, char command);
  void set_mode(std::string_view mode, bool on);

  size_t columns_;
  size_t rows_;
  page pages_[2];
  std::string pending_; ///< The beginning of a sequence, or of a character.
  std::string styles_;
  std::string unknown_;
  bool other_ = false;
  bool cursor_ = true;
  bool wraps_ = true;
};

} // namespace cenote::test
