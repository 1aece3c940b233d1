#include "integration/app_processes.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>

namespace cenote::test {

namespace {

namespace fs = std::filesystem;

template <class Predicate>
bool eventually(Predicate&& condition) {
  for (int i = 0; i < 1500; ++i) {
    if (condition())
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  return false;
}

} // namespace

std::vector<std::string> command_lines() {
  std::vector<std::string> out;
  std::error_code ignored;
  for (auto& entry : fs::directory_iterator{"/proc", ignored}) {
    std::ifstream in{entry.path() / "cmdline", std::ios::binary};
    std::ostringstream all;
    all << in.rdbuf(); // Nothing, and no exception, if it is gone by now, or no process.
    auto line = all.str();
    std::ranges::replace(line, '\0', ' ');
    if (!line.empty())
      out.push_back(std::move(line));
  }
  return out;
}

std::vector<std::string> command_lines_with(const std::string& text) {
  auto out = command_lines();
  std::erase_if(out, [&text](auto& line) { return line.find(text) == std::string::npos; });
  return out;
}

bool appears(const std::string& text) {
  return eventually([&text] { return !command_lines_with(text).empty(); });
}

bool all_gone(const std::string& text) {
  return eventually([&text] { return command_lines_with(text).empty(); });
}

bool is_emptied(const std::string& folder) {
  return eventually([&folder] { return fs::is_empty(folder); });
}

} // namespace cenote::test
