#pragma once

#include "app/exit_code.hpp"
#include "app/jobs/options.hpp"
#include "app/parameters.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace cenote::app {

/// The program's subcommands.
enum class command : uint8_t { check, sql, serve, health, top, jobs };

/// What the command line says.
struct options {
  app::command command = app::command::check;
  std::string config_file;                     ///< Empty: the default one.
  std::map<std::string, std::string> settings; ///< By key: `{"pool.size", "20"}`.
  bool embedded = false;
  bool json = false;
  std::string sql; ///< `-`: read it from standard input.
  std::vector<std::string> params;
  parameter_reading param_reading = parameter_reading::by_form;
  bool ready = false;        ///< Of `health`: asks whether requests can be served, not only whether the program works.
  std::string url;           ///< Of `health` and `top`: whom to ask; empty: whoever has the same settings.
  bool through_node = false; ///< Of `check`, `sql` and `top`: uses the pool nodes of the setting `remote.nodes`.
  uint64_t count = 0;        ///< Of `top`: prints so many lines; zero: shows a screen, or lines without end.
  bool no_colour = false;    ///< Of `top`.
  jobs_options jobs;         ///< Of `jobs`.
};

/// Reads the command line. Answers `--help`, `--version` and mistakes by itself; then the program ends with the code.
/// @throws output_error if the help cannot be printed.
std::variant<options, exit_code> read_command_line(int argc, char** argv);

} // namespace cenote::app
