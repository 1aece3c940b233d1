#pragma once

#include <string>

namespace cenote {

/// The subject of a line in the terms of the metrics: names and values are those of their labels. The JSON form of the
/// program's log has them beside the message.
struct log_labels {
  std::string error_type{}; ///< The code of a failure.
  std::string server{};     ///< The place of a server in the database URI, from 0.
};

/// Attaches labels to the lines that this thread logs during its lifetime.
class log_labels_scope {
public:
  /// @param labels must outlive this; null: none.
  explicit log_labels_scope(const log_labels* labels) noexcept;
  log_labels_scope(const log_labels_scope&) = delete;
  ~log_labels_scope();

  /// The labels of the line that this thread logs, for the formatters of sinks; null if it has none.
  static const log_labels* current() noexcept;

private:
  const log_labels* before_;
};

} // namespace cenote
