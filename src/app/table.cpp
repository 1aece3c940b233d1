#include "app/table.hpp"

#include "app/printable.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace cenote::app {

namespace {

bool is_number(column_type x) {
  switch (x) {
  case column_type::integer:
  case column_type::unsigned_integer:
  case column_type::real:
  case column_type::decimal:
    return true;
  default:
    return false;
  }
}

std::string hexadecimal(std::string_view data) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result = "0x";
  for (unsigned char c : data) {
    result += digits[c >> 4];
    result += digits[c & 15];
  }
  return result;
}

shown cell(const row& x, size_t index, column_type type) {
  if (x.is_null(index))
    return {"NULL", 4};
  auto text = x.text(index);
  if (type == column_type::bytes || type == column_type::bit)
    return show(hexadecimal(text));
  if (text == "NULL")
    return {"'NULL'", 6};
  return show(text);
}

std::string plural(uint64_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::string effects(const result& x) {
  auto out = "OK, " + plural(x.affected_rows(), "row") + " affected";
  if (x.last_insert_id() != 0)
    out += ", last insert id " + std::to_string(x.last_insert_id());
  if (x.warnings() != 0)
    out += ", " + plural(x.warnings(), "warning");
  return out + "\n";
}

/// Lays cells out in columns.
class grid {
public:
  explicit grid(const result& x) : source_{x} {
    for (auto& column : x.columns())
      widen(heads_.emplace_back(show(column.name)), widths_.emplace_back(0));
    cells_.reserve(x.size() * widths_.size());
    for (auto line : x)
      for (size_t i = 0; i < widths_.size(); ++i)
        widen(cells_.emplace_back(cell(line, i, x.columns()[i].type)), widths_[i]);
  }

  std::string draw() const {
    std::string out;
    draw_line(out, heads_.data());
    for (size_t i = 0; i < widths_.size(); ++i)
      out.append(i == 0 ? "" : "+").append(widths_[i] + 2, '-');
    out += '\n';
    for (size_t i = 0; i < cells_.size(); i += widths_.size())
      draw_line(out, cells_.data() + i);
    out += "(" + plural(source_.size(), "row");
    if (source_.warnings() != 0)
      out += ", " + plural(source_.warnings(), "warning");
    return out + ")\n";
  }

private:
  static void widen(const shown& x, size_t& width) { width = std::max(width, x.width); }

  void draw_line(std::string& out, const shown* xs) const {
    for (size_t i = 0; i < widths_.size(); ++i) {
      auto padding = widths_[i] - xs[i].width;
      auto right = is_number(source_.columns()[i].type);
      auto last = i + 1 == widths_.size();
      out.append(i == 0 ? " " : " | ").append(right ? padding : 0, ' ');
      out.append(xs[i].text).append(right || last ? 0 : padding, ' ');
    }
    out += '\n';
  }

  const result& source_;
  std::vector<shown> heads_;
  std::vector<shown> cells_;
  std::vector<size_t> widths_;
};

} // namespace

std::string to_table(const result& x) {
  auto out = x.columns().empty() ? effects(x) : grid{x}.draw();
  for (auto& further : x.more())
    out += "\n" + to_table(further);
  return out;
}

uint64_t warning_count(const result& x) {
  // The server counts for the statement as a whole, and tells with each part how many there are so far.
  auto out = uint64_t{x.warnings()};
  for (auto& further : x.more())
    out = std::max(out, warning_count(further));
  return out;
}

std::string to_lines(const result& x, const std::vector<warning>& warnings) {
  std::string out;
  for (auto& one : warnings)
    out += printable(one.level) + " " + printable(one.code) + ": " + printable(one.text) + "\n";
  auto all = warning_count(x);
  if (all > warnings.size())
    out +=
        (warnings.empty() ? "the server does not tell the text of " : "the server does not tell the text of another ")
        + plural(all - warnings.size(), "warning") + "\n";
  return out;
}

} // namespace cenote::app
