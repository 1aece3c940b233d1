#include "payload/json_text.hpp"

#include "cenote/jobs/payload.hpp"
#include "payload/limits.hpp"
#include "types/printable.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace cenote {

namespace {

/// How many lists and objects are within each other; of no meaning if the text is no JSON.
size_t depth_of(std::string_view json) {
  size_t depth = 0, deepest = 0;
  auto in_text = false;
  for (size_t i = 0; i < json.size(); ++i) {
    auto c = json[i];
    if (in_text && c == '\\')
      ++i;
    else if (c == '"')
      in_text = !in_text;
    else if (!in_text && (c == '[' || c == '{'))
      deepest = std::max(deepest, ++depth);
    else if (!in_text && (c == ']' || c == '}') && depth > 0)
      --depth;
  }
  return deepest;
}

} // namespace

std::string detail::json_problem(std::string_view json) {
  if (json.size() > payload::max_size)
    return "the payload has " + std::to_string(json.size()) + " bytes, at most " + std::to_string(payload::max_size)
           + " are read";
  if (auto depth = depth_of(json); depth > payload::max_depth)
    return "the payload has " + std::to_string(depth) + " lists and objects within each other, at most "
           + std::to_string(payload::max_depth) + " are read";
  return {};
}

std::string payload::parse(std::string_view text, nlohmann::json& out) {
  if (auto problem = detail::json_problem(text); !problem.empty())
    return problem;
  try {
    out = nlohmann::json::parse(text);
    return {};
  } catch (const nlohmann::json::exception& e) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    std::string_view why{e.what()};
    if (auto end = why.find("] "); end != why.npos)
      why.remove_prefix(end + 2);
    return "no JSON: " + show_within(why, 200).text;
  }
}

} // namespace cenote
