#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace cenote::app {

/// Columns and rows of a terminal.
struct screen_size {
  size_t columns = 80;
  size_t rows = 24;
};

/// How a piece of text stands out. Without colours it says nothing that the text does not say.
enum class style : uint8_t { plain, title, good, warning, bad, faint };

/// A piece of text that is safe for a terminal.
struct span {
  std::string text;
  app::style style = style::plain;
};

/// One line of a terminal. It is made of pieces whose width is known.
class styled_line {
public:
  /// Adds a piece of text.
  /// @param width the columns that it takes.
  styled_line& add(std::string text, size_t width, style look = style::plain) {
    width_ += width;
    spans_.push_back({std::move(text), look});
    return *this;
  }

  /// Adds ASCII.
  styled_line& add(std::string text, style look = style::plain) {
    auto width = text.size();
    return add(std::move(text), width, look);
  }

  const std::vector<span>& spans() const noexcept { return spans_; }

  /// Columns.
  size_t width() const noexcept { return width_; }

  /// Without styles.
  std::string text() const {
    std::string out;
    for (auto& piece : spans_)
      out += piece.text;
    return out;
  }

private:
  std::vector<span> spans_;
  size_t width_ = 0;
};

} // namespace cenote::app
