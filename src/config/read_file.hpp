#pragma once

#include <string>

namespace cenote::config {

/// The content of a file, or why it cannot be read.
struct file_text {
  std::string text;
  std::string problem; ///< Empty: none.
};

/// Reads a file of up to `max_size` bytes. It need not be a regular one: a secret manager may hand over a pipe.
file_text read_file(const std::string& name, size_t max_size);

} // namespace cenote::config
