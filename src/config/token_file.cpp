#include "config/token_file.hpp"

#include "cenote/configuration.hpp"
#include "config/read_file.hpp"
#include "types/line_end.hpp"

#include <algorithm>
#include <utility>

namespace cenote::config {

namespace {

constexpr size_t max_token_size = 4 << 10;

} // namespace

std::string read_token(const std::string& key, const std::string& file) {
  if (file.empty())
    return {};
  auto [text, problem] = read_file(file, max_token_size);
  if (!problem.empty())
    throw configuration_error{key + ": cannot read the file " + file + ": " + problem};
  text = detail::without_line_end(std::move(text));
  if (text.empty())
    throw configuration_error{key + ": the file " + file
                              + " is empty: write a long random text into it, say with 'openssl rand -hex 32'"};
  if (std::ranges::any_of(text, [](unsigned char c) { return c <= ' ' || c >= 0x7f; }))
    throw configuration_error{key + ": the token in " + file + " must be one line of ASCII without spaces"};
  return text;
}

} // namespace cenote::config
