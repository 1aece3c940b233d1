#pragma once

#include "cenote/jobs/job.hpp"

#include <caf/json_reader.hpp>
#include <caf/json_writer.hpp>
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
  problem = json_problem(json);
  if (!problem.empty())
    return false;
  caf::json_reader reader;
  if (reader.load(json) && reader.apply(out))
    return true;
  problem = "the payload is no " + caf::to_string(caf::type_name_v<T>) + ": " + to_string(reader.get_error());
  return false;
}

} // namespace detail

/// The value as JSON, by its `inspect` overload.
/// @throws std::invalid_argument if the overload fails.
template <class T>
std::string to_json(const T& payload) {
  caf::json_writer writer;
  if (!writer.apply(payload))
    throw std::invalid_argument("the inspect overload of " + caf::to_string(caf::type_name_v<T>) + " failed");
  return std::string{writer.str().data(), writer.str().size()};
}

/// A job with this payload, a message type with an `inspect` overload. Fields that a later version of the type adds
/// need a `fallback` to be read from jobs of an earlier one.
/// @throws std::invalid_argument if the overload fails.
template <class T>
job make_job(const T& payload) {
  job result;
  result.id = make_job_id();
  result.kind = caf::to_string(caf::type_name_v<T>);
  result.payload = to_json(payload);
  return result;
}

} // namespace cenote
