#pragma once

#include "cenote/detail/payload_reader.hpp"
#include "cenote/detail/payload_writer.hpp"
#include "cenote/jobs/job.hpp"

#include <caf/string_view.hpp>
#include <caf/type_id.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace cenote {

namespace detail {

/// Why a text is not read as JSON at all: too long, too deep.
/// @returns nothing if it may be read.
std::string json_problem(std::string_view json);

/// Reads a payload. @returns whether that succeeded; otherwise `problem` says why not.
template <class T>
bool read_payload(std::string_view json, T& out, std::string& problem) {
  payload_reader reader{json};
  if (reader.element(out))
    return true;
  problem = "the payload is no " + caf::to_string(caf::type_name_v<T>) + ": " + reader.problem();
  return false;
}

} // namespace detail

/// The value as JSON, by its `inspect` overload:
///
/// - a struct is an object; an optional field that is empty, and one that has its `fallback`, are absent, and absent or
///   null when they are read; fields that the type does not know are ignored;
/// - numbers of any kind are numbers, without loss; of a `long double`, what a `double` has of it;
/// - a list, set, array, pair or tuple is a list; of a list that holds optionals, empty ones are null;
/// - a map whose keys are texts is an object, any other map a list of pairs;
/// - bytes (`std::byte`, `cenote::bytes`) are hexadecimal digits: `"00ff"`;
/// - a duration is a text with the unit of its type: `"1500ms"`; when it is read, it may have any unit by which nothing
///   is lost. A time of the system's clock is `"2026-11-27T18:33:53.123Z"`, in the years 0 to 9999;
/// - a variant is its value and the name of its type beside it: `"@value-type":"int64_t","value":42`;
/// - an enum is what its overload makes of it, a number as a rule.
/// @throws std::invalid_argument if the overload fails, or for what JSON does not have: texts that are not UTF-8,
/// numbers that are infinite or none, more than 100 lists and objects within each other.
template <class T>
std::string to_json(const T& content) {
  detail::payload_writer writer;
  if (!writer.element(content))
    throw std::invalid_argument(caf::to_string(caf::type_name_v<T>) + " as JSON: " + writer.problem());
  return writer.text();
}

/// The value that `to_json` has written: the result of a job, its payload in a `job_status`.
/// @throws std::invalid_argument if the text is no JSON, or no `T`; `what()` says where and why.
template <class T>
T from_json(std::string_view json) {
  T content{};
  std::string problem;
  if (!detail::read_payload(json, content, problem))
    throw std::invalid_argument(problem);
  return content;
}

/// A job with this payload, a message type with an `inspect` overload. Fields that a later version of the type adds
/// need a `fallback` to be read from jobs of an earlier one.
/// @throws std::invalid_argument as `to_json`.
template <class T>
job make_job(const T& payload) {
  job result;
  result.id = make_job_id();
  result.kind = caf::to_string(caf::type_name_v<T>);
  result.payload = to_json(payload);
  return result;
}

} // namespace cenote
