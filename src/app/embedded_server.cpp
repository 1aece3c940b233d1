#include "app/embedded_server.hpp"

#include "app/subprocess.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <spdlog/spdlog.h>

namespace cenote::app {

namespace {

/// Longer than the script's own limits: it knows better what is wrong.
constexpr auto max_run = std::chrono::seconds{150};

std::filesystem::path find_script() {
  auto program = std::filesystem::read_symlink("/proc/self/exe");
  auto script = program.parent_path().parent_path() / "libexec" / "cenote" / "mariadb";
  if (access(script.c_str(), X_OK) != 0)
    throw embedded_error{"--embedded needs the script " + script.string()
                         + ", which is missing: build or install cenote as a whole, or set DATABASE_URI to a server"};
  return script;
}

std::filesystem::path make_folder() {
  auto pattern = (std::filesystem::temp_directory_path() / "cenote-embedded-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr)
    throw std::system_error{errno, std::generic_category(), "cannot make the folder " + pattern};
  return pattern;
}

std::string trimmed(const std::string& text) {
  auto end = text.find_last_not_of(" \n");
  return end == std::string::npos ? std::string{} : text.substr(0, end + 1);
}

/// The script's error message: its last line, without its own name.
std::string reason(const finished_process& x) {
  if (x.timed_out)
    return "it took too long";
  auto line = trimmed(x.err);
  line.erase(0, line.rfind('\n') + 1);
  if (constexpr std::string_view intro = "mariadb: error: "; line.starts_with(intro))
    line.erase(0, intro.size());
  return line.empty() ? "exit code " + std::to_string(x.exit_code) : line;
}

} // namespace

embedded_server::embedded_server(std::stop_token cancel) {
  try {
    script_ = find_script();
    folder_ = make_folder();
    start(std::move(cancel));
  } catch (std::system_error& err) { // filesystem_error is one, too
    stop();
    throw embedded_error{std::string{"cannot start the private server: "} + err.what()};
  } catch (embedded_error&) {
    stop();
    throw;
  }
}

embedded_server::~embedded_server() {
  stop();
}

void embedded_server::crash() {
  pid_t pid = 0;
  std::ifstream{folder_ / "server.pid"} >> pid;
  if (pid <= 0 || ::kill(pid, SIGKILL) != 0)
    throw embedded_error{"the private server does not run"};
}

void embedded_server::restart(std::stop_token cancel) {
  start(std::move(cancel));
}

void embedded_server::start(std::stop_token cancel) {
  spdlog::info("starting a private MariaDB server in {}", folder_.string());
  auto run = run_process({script_, "start", folder_, "--with", std::to_string(getpid()), "--remove"}, max_run,
                         std::move(cancel));
  if (run.cancelled)
    throw embedded_error{"interrupted while the private server was starting"};
  uri_ = trimmed(run.out);
  if (run.exit_code != 0 || uri_.empty()) {
    if (!run.err.empty())
      spdlog::debug("the script says: {}", trimmed(run.err));
    throw embedded_error{"cannot start the private server: " + reason(run)};
  }
}

void embedded_server::stop() noexcept try {
  if (folder_.empty())
    return;
  auto run = run_process({script_, "stop", folder_, "--remove"}, max_run);
  if (run.exit_code != 0)
    spdlog::warn("cannot stop the private server in {}: {}", folder_.string(), reason(run));
  std::error_code ignored;
  std::filesystem::remove(folder_, ignored); // A start that failed early leaves it empty.
} catch (std::exception& err) {
  spdlog::warn("cannot stop the private server in {}: {}", folder_.string(), err.what());
}

} // namespace cenote::app
