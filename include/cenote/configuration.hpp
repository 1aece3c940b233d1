#pragma once

#include "cenote/settings.hpp"

#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cenote {

/// An invalid setting. The text is one line that names the file and line, the variable or the option, and says what is
/// wrong with it and what would be right. It never shows a password.
class configuration_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// Reads a database URI as SQLAlchemy writes them: `mysql[+driver]://user:password@host:port/database?key=value`,
/// `mariadb[+driver]://...`.
/// @throws configuration_error if it is not of that form, or has an unknown key.
server_settings parse_uri(std::string_view uri);

/// One setting, as shown in the help, the config file and docs/settings.md.
struct setting_info {
  std::string key;          ///< Its path in the config file without the leading `cenote.`: `pool.size`.
  std::string unit;         ///< "connections", "seconds", "bytes", "bool", "text" ...
  std::string default_text; ///< As it is written in the config file: `10`, `30s`, `"info"`.
  std::string minimum;      ///< Lowest value, or the permitted words; empty if anything goes.
  std::string environment;  ///< The environment variable, or empty.
  std::string help;         ///< One sentence.
};

/// All settings in the order of the config file.
const std::vector<setting_info>& setting_table();

/// Where settings come from. Later ones win: defaults < file < environment < command line.
struct configuration_sources {
  /// The config file; empty: `caf-application.conf` in the current folder if there is one.
  std::string file;
  /// Looks an environment variable up. Empty: the process's environment (`getenv`: do not call `setenv` meanwhile).
  std::function<std::optional<std::string>(const std::string&)> environment;
  /// Settings from the command line by key: `{"pool.size", "20"}`.
  std::map<std::string, std::string> command_line;
};

/// Loads and checks all settings. `DATABASE_URI`, or the content of the file named by `DATABASE_URI_FILE`, says where
/// the server is; both together are an error. `DATABASE_SSL_KEY_PASSPHRASE`, or the file named by
/// `DATABASE_SSL_KEY_PASSPHRASE_FILE`, is the passphrase of the client's key.
/// @param need_server whether a missing URI is an error.
/// @throws configuration_error for the first thing that is wrong.
settings load_settings(const configuration_sources& sources, bool need_server = true);

/// Checks that all values are in range.
/// @throws configuration_error naming the first that is not.
void check(const settings& config);

} // namespace cenote
