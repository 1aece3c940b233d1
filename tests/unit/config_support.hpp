#pragma once

#include "cenote/configuration.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>

namespace cenote::test {

/// The text of the configuration error that `f` throws; "(none)" if it throws none.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
    return "(none)";
  } catch (configuration_error& err) {
    return err.what();
  }
}

/// A file that is gone at the end of the scope. Works in a folder of its own, which it makes the current one, so that
/// errors show a short name.
class temporary_file {
public:
  explicit temporary_file(std::string_view text, const std::string& name = "test.conf")
      : before_{std::filesystem::current_path()}, folder_{make_folder()}, name_{name} {
    std::filesystem::current_path(folder_);
    std::ofstream{name_, std::ios::binary} << text;
  }

  temporary_file(const temporary_file&) = delete;

  ~temporary_file() {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }

  const std::string& name() const { return name_; }

private:
  static std::filesystem::path make_folder() {
    auto pattern = (std::filesystem::temp_directory_path() / "cenote-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      throw std::runtime_error{"no temporary folder"};
    return pattern;
  }

  std::filesystem::path before_;
  std::filesystem::path folder_;
  std::string name_;
};

/// Looks variables up in a map.
inline std::function<std::optional<std::string>(const std::string&)>
environment(std::map<std::string, std::string> variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    auto i = variables.find(name);
    return i != variables.end() ? std::optional{i->second} : std::nullopt;
  };
}

/// The settings of a config file, with nothing else.
inline settings load_text(std::string_view text) {
  temporary_file file{text};
  return load_settings({file.name(), environment({}), {}}, false);
}

} // namespace cenote::test
