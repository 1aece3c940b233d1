#include "integration/app_program.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

extern char** environ;

namespace cenote::test {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto max_run = 60.0;
constexpr auto max_wait_for_log = 30.0;

/// Nothing of these may come from whoever runs the tests.
constexpr std::string_view ours[] = {
    "DATABASE_URI",  "POOL_",    "MAX_",   "INITIAL_RETRY_DELAY", "CENOTE_TEST",   "CENOTE_HTTP", "CENOTE_NODE",
    "CENOTE_REMOTE", "NO_COLOR", "TMPDIR", "MYSQL_PWD",           "NOTIFY_SOCKET", "WATCHDOG_"};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string content(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

} // namespace

std::vector<std::string> make_environment(const environment& variables, const std::string& folder) {
  std::vector<std::string> out;
  for (auto entry = environ; *entry != nullptr; ++entry)
    if (std::ranges::none_of(ours, [&](auto prefix) { return std::string_view{*entry}.starts_with(prefix); }))
      out.emplace_back(*entry);
  out.push_back("TMPDIR=" + folder);
  if (!variables.contains("CENOTE_HTTP_LISTEN"))
    out.emplace_back("CENOTE_HTTP_LISTEN=off"); // Many run at once, and the default port is one.
  for (auto& [name, value] : variables)
    out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (auto& word : words)
    out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

temporary_folder::temporary_folder() {
  path_ = (fs::temp_directory_path() / "cenote-test-XXXXXX").string();
  if (mkdtemp(path_.data()) == nullptr)
    throw std::system_error{errno, std::generic_category(), "cannot make " + path_};
}

temporary_folder::~temporary_folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string temporary_folder::write(const std::string& name, std::string_view content) const {
  std::ofstream{file(name), std::ios::binary} << content;
  return file(name);
}

program::program(std::vector<std::string> words, const environment& variables, std::string_view input,
                 const std::string& out)
    : began_{now()} {
  if (!words.front().starts_with('/'))
    words.front() = CENOTE_BINARY_DIR "/bin/" + words.front();
  auto in = folder_.write("in", input);
  // What the program leaves in its folder is what a test looks for.
  fs::create_directory(folder_.file("work"));
  auto env = make_environment(variables, folder_.file("work"));
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  constexpr auto flags = O_WRONLY | O_CREAT | O_APPEND;
  posix_spawn_file_actions_addopen(&files, 0, in.c_str(), O_RDONLY, 0);
  if (out == "-")
    posix_spawn_file_actions_addclose(&files, 1);
  else
    posix_spawn_file_actions_addopen(&files, 1, (out.empty() ? folder_.file("out") : out).c_str(), flags, 0600);
  posix_spawn_file_actions_addopen(&files, 2, folder_.file("err").c_str(), flags, 0600);
  posix_spawn_file_actions_addchdir_np(&files, folder_.file("work").c_str());
  auto rc = posix_spawn(&pid_, words.front().c_str(), &files, nullptr, pointers(words).data(), pointers(env).data());
  posix_spawn_file_actions_destroy(&files);
  if (rc != 0)
    throw std::system_error{rc, std::generic_category(), "cannot run " + words.front()};
}

program::~program() {
  if (pid_ == -1)
    return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void program::signal(int number) const {
  kill(pid_, number);
}

bool program::logs(const std::string& text) {
  return says(text, &program::err);
}

bool program::prints(const std::string& text) {
  return says(text, &program::out);
}

bool program::says(const std::string& text, std::string (program::*stream)() const) const {
  for (auto end = now() + max_wait_for_log; now() < end; std::this_thread::sleep_for(5ms)) {
    if (contains((this->*stream)(), text))
      return true;
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0)
      return contains((this->*stream)(), text);
  }
  return false;
}

ended program::wait() {
  int status = 0;
  for (auto end = began_ + max_run; waitpid(pid_, &status, WNOHANG) == 0; std::this_thread::sleep_for(2ms))
    if (now() > end)
      kill(pid_, SIGKILL);
  pid_ = -1;
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), out(), err(), now() - began_};
}

std::string program::out() const {
  return content(folder_.file("out"));
}

std::string program::err() const {
  return content(folder_.file("err"));
}

ended run(std::vector<std::string> words, const environment& variables, std::string_view input) {
  return program{std::move(words), variables, input}.wait();
}

size_t count(std::string_view text, std::string_view part) {
  size_t result = 0;
  for (auto i = text.find(part); i != std::string_view::npos; i = text.find(part, i + part.size()))
    ++result;
  return result;
}

} // namespace cenote::test
