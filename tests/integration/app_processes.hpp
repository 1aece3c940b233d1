#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace cenote::test {

/// The command lines of all processes, arguments separated by blanks.
std::vector<std::string> command_lines();

/// Those in which the text occurs.
std::vector<std::string> command_lines_with(const std::string& text);

/// Waits for a process that has the text in its command line; false if none comes.
bool appears(const std::string& text);

/// Waits until no process has the text in its command line; false if that takes too long.
bool all_gone(const std::string& text);

/// Waits until the folder is empty; false if that takes too long.
bool is_emptied(const std::string& folder);

} // namespace cenote::test
