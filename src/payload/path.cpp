#include "payload/path.hpp"

#include "types/printable.hpp"

#include <algorithm>

namespace cenote::payload {

void add_name(std::string& path, std::string_view name) {
  auto is_simple = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'
           || c == '@';
  };
  if (!name.empty() && name.size() <= 64 && std::ranges::all_of(name, is_simple)) {
    if (!path.empty())
      path += '.';
    path += name;
  } else {
    path += "['" + show_within(name, 64).text + "']";
  }
}

void add_index(std::string& path, size_t index) {
  path += "[" + std::to_string(index) + "]";
}

} // namespace cenote::payload
