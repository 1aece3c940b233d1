#pragma once

#include "cenote/configuration.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cenote::config {

/// Finds a setting's field.
template <class T>
using field = std::function<T&(settings&)>;

/// A whole number.
struct count {
  field<uint64_t> at;
  uint64_t min = 0;
  uint64_t max = 0;
};

/// A whole number, or a word that stands for the value of another setting.
struct count_or_word {
  field<std::optional<uint64_t>> at; ///< Empty: the word.
  uint64_t min = 0;
  uint64_t max = 0;
  std::string word;
};

/// A span of time.
struct duration {
  field<std::chrono::nanoseconds> at;
  std::chrono::nanoseconds min{0};
  std::chrono::nanoseconds max{0};
  bool or_zero = false;   ///< Zero is permitted although it is below `min`.
  bool minus_one = false; ///< -1 is another way to write zero, as in SQLAlchemy.
};

/// Yes or no.
struct flag {
  field<bool> at;
};

/// One of several words.
struct word {
  field<std::string> at;
  std::vector<std::string> permitted;
};

/// A text for people, without control characters.
struct label {
  field<std::string> at;
  size_t max_length = 0;
  bool or_empty = false; ///< An empty text is permitted.
};

using kind = std::variant<count, count_or_word, duration, flag, word, label>;

/// The definition of a setting.
struct setting {
  std::string key;  ///< `pool.size`.
  std::string unit; ///< As in `setting_info`.
  config::kind kind;
  std::string environment; ///< Empty: none.
  std::string help;
};

/// A value on its way into a setting.
struct input_value {
  std::string_view text; ///< Without quotes.
  std::string_view raw;  ///< As written, for errors.
  bool in_file = false;  ///< In a file texts are quoted, unlike numbers, and flags are only `true` and `false`.
  bool quoted = false;
};

/// All of them, in the order of the config file.
const std::vector<setting>& table();

/// The setting with that key, or null.
const setting* find_setting(std::string_view key);

/// Reads the value into `target`.
/// @returns whether it is of the right form and in range; otherwise `target` is unchanged.
bool assign(const setting& definition, settings& target, const input_value& value);

/// Whether the setting's field is in range.
bool in_range(const setting& definition, const settings& config);

/// The field's value as the config file has it.
std::string format(const setting& definition, const settings& config);

/// The lowest value, or the words to choose from.
std::string lowest(const setting& definition);

/// The values that the setting takes, to be continued after "must be": "a whole number from 1 to 10000".
std::string permitted(const setting& definition, bool in_file = false);

/// The words to choose from; empty if it takes other values.
std::vector<std::string> alternatives(const setting& definition);

} // namespace cenote::config
