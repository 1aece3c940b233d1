#include "support/screen_emulator.hpp"

#include <algorithm>
#include <cstddef>

namespace cenote::test {

namespace {

/// The length of the UTF-8 character that begins so.
size_t character_size(unsigned char first) {
  return first < 0xc0 ? 1u : first < 0xe0 ? 2u : first < 0xf0 ? 3u : 4u;
}

char32_t decode(std::string_view x) {
  constexpr unsigned char masks[] = {0x7f, 0x1f, 0x0f, 0x07};
  auto out = static_cast<char32_t>(static_cast<unsigned char>(x.front()) & masks[x.size() - 1]);
  for (auto c : x.substr(1))
    out = out << 6 | (static_cast<unsigned char>(c) & 0x3fu);
  return out;
}

void append(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    out += static_cast<char>(0xe0 | (c >> 12 & 0x0f));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  }
}

} // namespace

screen_emulator::screen_emulator(size_t columns, size_t rows) : columns_{0}, rows_{0} {
  resize(columns, rows);
}

void screen_emulator::resize(size_t columns, size_t rows) {
  columns_ = columns;
  rows_ = rows;
  for (auto& x : pages_) {
    x.rows.resize(rows);
    for (auto& row : x.rows)
      row.resize(columns, U' ');
    x.row = std::min(x.row, rows - 1);
    x.column = std::min(x.column, columns);
  }
}

void screen_emulator::take(std::string_view text) {
  for (auto c : text) {
    pending_ += c;
    if (pending_.front() == '\x1b') {
      auto complete = pending_.size() > 2 && pending_[1] == '[' && c >= '@' && c <= '~';
      if (complete)
        escape(std::string_view{pending_}.substr(2, pending_.size() - 3), c);
      else if (pending_.size() == 2 && c != '[')
        unknown_ += "ESC " + std::string{c} + "\n";
      else
        continue;
    } else if (pending_.size() < character_size(static_cast<unsigned char>(pending_.front()))) {
      continue;
    } else {
      put(decode(pending_));
    }
    pending_.clear();
  }
}

void screen_emulator::put(char32_t c) {
  auto& x = seen();
  if (c == U'\r') {
    x.column = 0;
  } else if (c == U'\n') {
    line_feed();
  } else if (c < U' ' || c == 0x7f) {
    if (c != U'\a')
      unknown_ += "control character " + std::to_string(static_cast<unsigned>(c)) + "\n";
  } else {
    if (x.column == columns_ && wraps_) {
      x.column = 0;
      line_feed();
    }
    x.column = std::min(x.column, columns_ - 1);
    x.rows[x.row][x.column++] = c;
  }
}

void screen_emulator::line_feed() {
  auto& x = seen();
  if (++x.row < rows_)
    return;
  x.row = rows_ - 1;
  x.rows.erase(x.rows.begin());
  x.rows.emplace_back(columns_, U' ');
}

void screen_emulator::escape(std::string_view parameters, char command) {
  auto& x = seen();
  // At the right margin the cursor stands on the last character.
  auto column = std::min(x.column, columns_ - 1);
  if (command == 'H' && parameters.empty()) {
    x.row = x.column = 0;
  } else if (command == 'K' && parameters.empty()) {
    std::fill(x.rows[x.row].begin() + static_cast<ptrdiff_t>(column), x.rows[x.row].end(), U' ');
  } else if (command == 'J' && parameters.empty()) {
    std::fill(x.rows[x.row].begin() + static_cast<ptrdiff_t>(column), x.rows[x.row].end(), U' ');
    for (auto i = x.row + 1; i < rows_; ++i)
      x.rows[i].assign(columns_, U' ');
  } else if (command == 'm') {
    styles_.append(parameters).append(";");
  } else if ((command == 'h' || command == 'l') && parameters.starts_with('?')) {
    set_mode(parameters.substr(1), command == 'h');
  } else {
    unknown_ += "CSI " + std::string{parameters} + command + "\n";
  }
}

void screen_emulator::set_mode(std::string_view mode, bool on) {
  if (mode == "1049") {
    if (on)
      pages_[1] = page{std::vector<std::u32string>(rows_, std::u32string(columns_, U' ')), 0, 0};
    other_ = on;
  } else if (mode == "25") {
    cursor_ = on;
  } else if (mode == "7") {
    wraps_ = on;
  } else if (mode != "2004") { // Of shells.
    unknown_ += "mode " + std::string{mode} + "\n";
  }
}

std::string screen_emulator::text() const {
  std::string out;
  for (auto& row : pages_[other_ ? 1 : 0].rows) {
    for (auto c : row)
      append(out, c);
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

} // namespace cenote::test
