#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace cenote::app {

/// Whether the argument has the form of an option: `-x`, `--name`, `--name=value`.
bool looks_like_option(const std::string& argument);

/// Finds the first option that does not exist, and names it and the one that was probably meant: CLI11 only says that
/// arguments were left over, the value first.
/// @param known what may stand there: the program, and the command if one was found.
/// @returns an empty text if all exist.
std::string unknown_option(const std::vector<const CLI::App*>& known, const std::vector<std::string>& args);

/// Parses the command line of a program without commands, and answers `--help` and mistakes: one line on standard
/// error, the way to the help, and exit code 2.
/// @returns -1 if the program can go on, else the exit code.
int parse_or_explain(CLI::App& app, int argc, char** argv);

} // namespace cenote::app
