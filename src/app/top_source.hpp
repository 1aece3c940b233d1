#pragma once

#include "app/top_view.hpp"
#include "cenote/settings.hpp"

#include <memory>
#include <string>

#include <caf/settings.hpp>

namespace cenote::app {

/// Where `cenote top` learns what it shows.
class top_source {
public:
  virtual ~top_source() = default;

  /// What is to be shown now; waits for it for a few seconds. Not by several threads at a time.
  virtual top_view look() = 0;

  /// Has a `look` of another thread return at once.
  /// @returns whether it does. Otherwise it may take long: a name's resolution cannot be interrupted.
  virtual bool interrupt() = 0;
};

/// A running `cenote serve`, over HTTP.
/// @param token empty: none is shown.
std::shared_ptr<top_source> make_http_source(const std::string& url, const std::string& token);

/// The pool behind a pool node, by messages.
/// @throws configuration_error if a file that `nodes` names cannot be used.
std::shared_ptr<top_source> make_node_source(const remote_settings& nodes, const caf::settings& caf_options);

/// Unix time in seconds.
double unix_time();

} // namespace cenote::app
