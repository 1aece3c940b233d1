#include "support/server.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace cenote::test {

namespace {

namespace fs = std::filesystem;

std::string make_folder() {
  auto name = (fs::temp_directory_path() / "cenote-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    throw std::system_error(errno, std::generic_category(), "cannot make " + name);
  return name;
}

std::string read_all(int fd) {
  std::string result;
  char buffer[4096];
  for (;;) {
    auto n = ::read(fd, buffer, sizeof(buffer));
    if (n > 0)
      result.append(buffer, static_cast<size_t>(n));
    else if (n == 0 || errno != EINTR)
      return result;
  }
}

std::string last_line(std::string text) {
  while (text.ends_with('\n'))
    text.pop_back();
  auto begin = text.rfind('\n');
  return begin == std::string::npos ? text : text.substr(begin + 1);
}

/// Starts a program with its standard output in `out` and its standard error in the file `log`.
pid_t spawn(std::vector<std::string>& words, int out, const std::string& log) {
  std::vector<char*> argv;
  for (auto& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t pid = 0;
  auto error = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    throw std::system_error(error, std::generic_category(), "cannot start " + words[0]);
  return pid;
}

} // namespace

private_server::private_server(std::vector<std::string> options)
    : folder_{make_folder()}, options_{std::move(options)} {
  try {
    start();
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
    throw;
  }
}

private_server::~private_server() {
  try {
    run({"stop", folder_ + "/server", "--remove"});
  } catch (const std::exception&) {
    // The script removes it when this process has ended.
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void private_server::start() {
  std::vector<std::string> arguments{"start", folder_ + "/server", "--with", std::to_string(::getpid()), "--remove",
                                     "--"};
  arguments.insert(arguments.end(), options_.begin(), options_.end());
  uri_ = last_line(run(std::move(arguments)));
  pid_ = static_cast<pid_t>(std::stol(content("server.pid")));
}

void private_server::start(std::vector<std::string> options) {
  options_ = std::move(options);
  start();
}

void private_server::stop() {
  run({"stop", folder_ + "/server"});
  pid_ = 0;
}

void private_server::kill9() {
  ::kill(pid_, SIGKILL);
  // It is no child of ours, so there is nothing to wait on but its end.
  while (::kill(pid_, 0) == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  pid_ = 0;
}

server_settings private_server::settings() const {
  server_settings result;
  result.port = static_cast<uint16_t>(std::stoul(content("port")));
  result.user = "cenote";
  result.password = secret{content("password")};
  result.database = "cenote";
  return result;
}

server_settings private_server::socket_settings() const {
  auto result = settings();
  result.unix_socket = content("socket");
  return result;
}

/// Runs scripts/mariadb and gives back what it prints.
std::string private_server::run(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), CENOTE_SOURCE_DIR "/scripts/mariadb");
  auto log = folder_ + "/script.log";
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
  auto pid = spawn(arguments, ends[1], log);
  ::close(ends[1]);
  auto output = read_all(ends[0]);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(pid, &status, 0) == -1 && errno == EINTR) {
    // nop
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    std::ifstream in{log};
    throw std::runtime_error("scripts/mariadb " + arguments[1] + " failed:\n"
                             + std::string{std::istreambuf_iterator<char>{in}, {}});
  }
  return output;
}

/// The first line of a file that the script keeps beside the data.
std::string private_server::content(const std::string& file) const {
  std::ifstream in{folder_ + "/server/" + file};
  std::string result;
  if (!std::getline(in, result))
    throw std::runtime_error("the server's folder has no file " + file);
  return result;
}

private_server& shared_server() {
  static private_server instance;
  return instance;
}

} // namespace cenote::test
