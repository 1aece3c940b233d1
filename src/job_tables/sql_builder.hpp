#pragma once

// Private to src/job_tables: building statements of varying length.

#include "cenote/jobs/job.hpp"
#include "cenote/statement.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace cenote::job_tables {

/// As the tables store it.
inline value id_value(const job_id& id) {
  return bytes{std::string{reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()}};
}

/// As the tables store it.
constexpr int64_t code_of(job_state state) noexcept {
  return static_cast<int64_t>(state);
}

/// A statement that grows.
class sql_builder {
public:
  explicit sql_builder(statement_kind kind) { built_.kind = kind; }

  /// Appends text, and the parameters for its `?` placeholders.
  template <class... Ts>
  sql_builder& add(std::string_view text, Ts&&... params) {
    built_.sql += text;
    (built_.params.push_back(to_value(std::forward<Ts>(params))), ...);
    return *this;
  }

  /// Appends what `write` appends for each element, with `separator` between.
  template <class Range, class F>
  sql_builder& add_each(const Range& range, std::string_view separator, F write) {
    auto between = std::string_view{};
    for (auto& element : range) {
      add(std::exchange(between, separator));
      write(element);
    }
    return *this;
  }

  statement finish() && { return std::move(built_); }

private:
  statement built_;
};

} // namespace cenote::job_tables
