#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cenote::simulation {

/// What the command line of a simulation's program says.
struct options {
  std::vector<uint64_t> seeds;
  double seconds = 0;
  uint64_t max_failures = 1;
  bool traces = false;
  bool shortens = true;
  std::vector<std::string> without;
  uint64_t absent = 0;
  std::optional<uint64_t> rounds;
};

/// The texts of a program about itself.
struct program_texts {
  const char* name;
  const char* about;              ///< One line.
  std::vector<std::string> parts; ///< What can be left out.
};

/// Ends the program if it is called in a wrong way, or asked for help.
options read_options(int argc, char** argv, const program_texts& texts);

} // namespace cenote::simulation
