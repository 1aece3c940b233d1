#pragma once

#include "app/jobs/options.hpp"

#include <functional>

#include <CLI/CLI.hpp>

namespace cenote::app {

/// Declares what may follow after `cenote jobs`.
/// @param jobs the command.
/// @param out filled while the command line is parsed.
/// @param add_common adds the options that all of them have.
void declare_jobs_commands(CLI::App& jobs, jobs_options& out, const std::function<void(CLI::App*)>& add_common);

} // namespace cenote::app
