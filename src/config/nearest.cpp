#include "config/nearest.hpp"

#include <algorithm>
#include <cctype>

namespace cenote::config {

namespace {

/// Longer words are not misspellings, and would take time.
constexpr auto max_length = size_t{100};

bool is_separator(char c) {
  return c == '-' || c == '_' || c == '.';
}

std::string plain(std::string_view word) {
  std::string out{word};
  for (auto& c : out)
    c = is_separator(c) ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// The largest edit distance to a word of that length that is still near.
size_t tolerance(size_t length) {
  return length < 3 ? 0 : length < 5 ? 1 : length < 9 ? 2 : length < 14 ? 3 : 4;
}

/// The parts of a name behind a separator: `max-overflow` and `overflow` of `pool.max-overflow`.
std::vector<std::string_view> tails(std::string_view name) {
  std::vector<std::string_view> out{name};
  for (size_t i = 1; i < name.size(); ++i)
    if (name[i - 1] == '-' && name[i] != '-')
      out.push_back(name.substr(i));
  return out;
}

} // namespace

size_t edit_distance(std::string_view first, std::string_view second) {
  auto a = plain(first.substr(0, max_length));
  auto b = plain(second.substr(0, max_length));
  // The distances between the first i letters of a and the first j of b; three rows suffice.
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  if (word.empty() || word.size() > max_length)
    return {};
  // The dashes before an option are no part of its name.
  auto letters = plain(word.substr(std::min(word.find_first_not_of('-'), word.size())));
  std::string found;
  auto best = std::string::npos;
  for (auto& candidate : known) {
    auto name = plain(candidate.substr(std::min(candidate.find_first_not_of('-'), candidate.size())));
    for (auto tail : name.size() > max_length ? std::vector<std::string_view>{} : tails(name)) {
      auto distance = edit_distance(letters, tail);
      if (letters.size() >= 3 && tail.starts_with(letters))
        distance = std::min(distance, size_t{1}); // A short form: warn, crit.
      if (distance > tolerance(std::min(letters.size(), tail.size())))
        continue;
      // Of two that are equally near, the one with fewer omitted letters.
      auto cost = distance * (max_length + 1) + name.size() - tail.size();
      if (cost < best) {
        best = cost;
        found = candidate;
      }
    }
  }
  return found;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  auto found = nearest(word, known);
  return found.empty() ? found : "; did you mean " + found + "?";
}

} // namespace cenote::config
