#pragma once

#include "cenote/configuration.hpp"

#include "config/outline.hpp"

#include <optional>
#include <string>
#include <utility>

#include <caf/settings.hpp>

namespace cenote::config {

/// A config file that has been read and found to be well-formed.
struct config_file {
  std::string name;
  outline keys;
  caf::settings content; ///< The same, parsed by CAF.

  /// The file and line of a key: `caf-application.conf:12`.
  std::string place(const std::string& path) const;
};

/// A config file that is not well-formed.
struct file_error : configuration_error {
  file_error(const std::string& text, outline keys) : configuration_error{text}, before{std::move(keys)} {
    // nop
  }

  outline before; ///< The keys before the mistake: they may include the log settings.
};

/// Reads a config file.
/// @param name its path; empty: `caf-application.conf` in the current folder if there is one.
/// @returns nothing if the name is empty and there is no such file.
/// @throws configuration_error if it cannot be read.
/// @throws file_error if it is not well-formed, or has a section that is neither cenote's nor CAF's.
std::optional<config_file> read_config_file(const std::string& name);

} // namespace cenote::config
