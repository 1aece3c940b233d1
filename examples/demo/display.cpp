#include "demo/display.hpp"

#include <algorithm>
#include <clocale>
#include <cstdio>
#include <langinfo.h>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace demo {

namespace {

constexpr int bar_width = 20;

bool speaks_utf8() {
  static const auto answer = [] {
    std::setlocale(LC_CTYPE, "");
    return std::string_view{nl_langinfo(CODESET)} == "UTF-8";
  }();
  return answer;
}

std::string repeated(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i)
    out += text;
  return out;
}

std::string right_aligned(const std::string& text, size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

} // namespace

std::string grouped(uint64_t number) {
  auto out = std::to_string(number);
  for (auto i = static_cast<ptrdiff_t>(out.size()) - 3; i > 0; i -= 3)
    out.insert(static_cast<size_t>(i), " ");
  return out;
}

display::display(std::chrono::seconds length) : terminal_{isatty(STDOUT_FILENO) == 1}, length_{length} {
  if (terminal_)
    std::fputs("\x1b[?25l", stdout); // Hide the cursor.
}

display::~display() {
  clear();
  if (terminal_)
    std::fputs("\x1b[?25h", stdout);
  std::fflush(stdout);
}

void display::start() {
  began_ = last_update_ = clock::now();
}

void display::say(const std::string& line) {
  clear();
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

void display::report(const std::string& line) {
  say(stamp() + line);
}

std::chrono::milliseconds display::pace() const {
  return std::chrono::milliseconds{terminal_ ? 100 : 1000};
}

void display::update(uint64_t answered, const cenote::pool_status& pool) {
  auto now = clock::now();
  auto elapsed = std::chrono::duration<double>(now - last_update_).count();
  auto rate = elapsed > 0 ? static_cast<double>(answered - last_answered_) / elapsed : 0;
  // On a terminal the last half second counts, so that the number can be read.
  rate_ = terminal_ && rate_ > 0 ? rate_ * 0.8 + rate * 0.2 : rate;
  last_update_ = now;
  last_answered_ = answered;
  auto line = stamp() + (terminal_ ? bar() + "  " : "") + right_aligned(grouped(static_cast<uint64_t>(rate_)), 7)
              + " statements/s   in use " + right_aligned(std::to_string(pool.checked_out), 2) + "   waiting "
              + right_aligned(std::to_string(pool.waiting), 3);
  if (!terminal_) {
    say(line);
    return;
  }
  std::printf("\r%s\x1b[K", line.c_str());
  std::fflush(stdout);
  shown_ = true;
}

void display::clear() {
  if (std::exchange(shown_, false))
    std::fputs("\r\x1b[K", stdout);
}

double display::seconds() const {
  return std::chrono::duration<double>(clock::now() - began_).count();
}

std::string display::stamp() const {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), "%5.1f s  ", seconds());
  return buffer;
}

std::string display::bar() const {
  auto share = std::min(1.0, seconds() / std::chrono::duration<double>(length_).count());
  auto full = static_cast<int>(share * bar_width);
  return speaks_utf8() ? repeated("█", full) + repeated("░", bar_width - full)
                       : "[" + repeated("=", full) + repeated(" ", bar_width - full) + "]";
}

} // namespace demo
