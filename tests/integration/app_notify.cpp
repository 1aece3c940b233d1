// What `cenote serve` tells the service manager that has started it.

#define CAF_SUITE app.notify

#include "app/service_notify.hpp"
#include "integration/app_program.hpp"
#include "support/server.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <poll.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;
using clock_type = std::chrono::steady_clock;

constexpr auto patience = 30s;

/// The service manager's end of the socket.
class notify_socket {
public:
  /// @param name a path, or `@` and an abstract name.
  explicit notify_socket(std::string name)
      : name_{std::move(name)}, fd_{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
    address_.sun_family = AF_UNIX;
    std::memcpy(address_.sun_path, name_.data(), name_.size());
    if (name_.front() == '@')
      address_.sun_path[0] = '\0';
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&address_), size()) == -1)
      throw std::system_error{errno, std::generic_category(), "cannot bind " + name_};
  }
  notify_socket(const notify_socket&) = delete;
  ~notify_socket() { close(fd_); }

  const std::string& name() const { return name_; }

  /// Sends itself so much that it has no room for more.
  void fill() const {
    auto sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    while (sendto(sender, "FILL=1\n", 7, 0, reinterpret_cast<const sockaddr*>(&address_), size()) == 7)
      ; // nop
    close(sender);
  }

  /// Takes what arrives until that holds a line that begins so. False if it takes too long.
  bool gets(const std::string& begin) {
    auto from = lines_.size();
    for (auto end = clock_type::now() + patience; clock_type::now() < end; take(50ms))
      for (; from < lines_.size(); ++from)
        if (lines_[from].starts_with(begin))
          return true;
    return false;
  }

  /// Takes what arrives for so long, and tells how many lines begin so.
  size_t count_for(std::chrono::milliseconds time, const std::string& begin) {
    auto from = lines_.size();
    for (auto end = clock_type::now() + time; clock_type::now() < end;)
      take(50ms);
    return static_cast<size_t>(std::count_if(lines_.begin() + static_cast<ptrdiff_t>(from), lines_.end(),
                                             [&begin](auto& x) { return x.starts_with(begin); }));
  }

  /// The changes of state so far, in their order.
  std::string states() {
    while (take(0ms))
      ; // nop
    std::string out;
    for (auto& x : lines_)
      if (x == "READY=1" || x == "RELOADING=1" || x == "STOPPING=1")
        out += (out.empty() ? "" : " ") + x.substr(0, x.size() - 2);
    return out;
  }

private:
  socklen_t size() const { return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size()); }

  bool take(std::chrono::milliseconds time) {
    pollfd ready{fd_, POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(time.count())) != 1)
      return false;
    char buffer[4096];
    auto n = recv(fd_, buffer, sizeof(buffer), 0);
    std::string text(buffer, static_cast<size_t>(std::max<ssize_t>(n, 0)));
    for (size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
      lines_.push_back(text.substr(begin, end - begin));
    return true;
  }

  std::string name_;
  sockaddr_un address_{};
  int fd_;
  std::vector<std::string> lines_;
};

/// Stops all threads of a child that run its actors, while it lives: those of the scheduler also do I/O while they
/// wait.
class frozen_actors {
public:
  explicit frozen_actors(pid_t child) {
    for (auto& entry : fs::directory_iterator{"/proc/" + std::to_string(child) + "/task"}) {
      std::string name;
      std::ifstream{entry.path() / "comm"} >> name;
      auto id = static_cast<pid_t>(std::stoi(entry.path().filename()));
      if ((name != "caf.thread" && name != "caf.worker") || ptrace(PTRACE_SEIZE, id, nullptr, nullptr) != 0)
        continue;
      threads_.push_back(id);
      ptrace(PTRACE_INTERRUPT, id, nullptr, nullptr);
      waitpid(id, nullptr, __WALL);
    }
  }
  frozen_actors(const frozen_actors&) = delete;
  ~frozen_actors() {
    for (auto id : threads_)
      ptrace(PTRACE_DETACH, id, nullptr, nullptr);
  }

  size_t count() const { return threads_.size(); }

private:
  std::vector<pid_t> threads_;
};

environment notifying(const notify_socket& to, const std::string& uri) {
  return {{"DATABASE_URI", uri}, {"NOTIFY_SOCKET", to.name()}};
}

/// Processes whose environment has the text.
std::vector<pid_t> processes_with(const std::string& text) {
  std::vector<pid_t> out;
  std::error_code ignored;
  for (auto& entry : fs::directory_iterator{"/proc", ignored}) {
    auto name = entry.path().filename().string();
    std::ifstream in{entry.path() / "environ", std::ios::binary};
    std::string all{std::istreambuf_iterator<char>{in}, {}};
    if (name.find_first_not_of("0123456789") == std::string::npos && contains(all, text))
      out.push_back(static_cast<pid_t>(std::stoi(name)));
  }
  return out;
}

} // namespace

SCENARIO("the service manager learns when serve is ready, reads its settings again, and ends") {
  temporary_folder folder;
  notify_socket manager{folder.file("notify")};
  private_server server;
  server.stop();
  auto config = folder.write("cenote.conf", "cenote { pool { size = 2 } }");
  auto variables = notifying(manager, server.uri());
  program serve{{"cenote", "serve", "--config", config}, variables};
  CHECK(manager.gets("STATUS=the server is down or cannot be reached: "));
  CHECK_EQ(manager.states(), "");
  server.start();
  CHECK(manager.gets("READY=1"));
  CHECK(manager.gets("STATUS=ready: "));
  serve.signal(SIGUSR1);
  CHECK(manager.gets("STATUS=pool main: size 2"));
  serve.signal(SIGHUP);
  CHECK(manager.gets("MONOTONIC_USEC="));
  CHECK(manager.gets("READY=1"));
  folder.write("cenote.conf", "cenote { pool { size = 0 } }");
  serve.signal(SIGHUP);
  CHECK(manager.gets("RELOADING=1"));
  CHECK(manager.gets("READY=1"));
  CHECK(contains(serve.logged(), "the settings stay as they are"));
  serve.signal(SIGTERM);
  CHECK(manager.gets("EXTEND_TIMEOUT_USEC=40000000"));
  CHECK(manager.gets("STATUS=signal 15 (SIGTERM): "));
  CHECK_EQ(serve.wait().code, 0);
  CHECK_EQ(manager.states(), "READY RELOADING READY RELOADING READY STOPPING");
}

SCENARIO("the watchdog is fed while the actors answer") {
  temporary_folder folder;
  notify_socket manager{folder.file("notify")};
  auto variables = notifying(manager, shared_server().uri());
  variables["WATCHDOG_USEC"] = "1000000";
  program serve{{"cenote", "serve"}, variables};
  REQUIRE(manager.gets("READY=1"));
  CHECK(manager.gets("WATCHDOG=1"));
  CHECK(manager.gets("WATCHDOG=1"));
  {
    frozen_actors frozen{serve.pid()};
    CHECK(frozen.count() > 0);
    manager.count_for(3s, "WATCHDOG=1");
    CHECK_EQ(manager.count_for(3s, "WATCHDOG=1"), 0u);
  }
  CHECK(manager.gets("WATCHDOG=1"));
  serve.signal(SIGTERM);
  CHECK_EQ(serve.wait().code, 0);
}

SCENARIO("a watchdog of another process, and one that is no number, are left alone") {
  temporary_folder folder;
  for (auto& [usec, pid] : {std::pair{"100000", "1"}, {"100ms", ""}, {"-1", ""}, {"99999999999999999999", ""}}) {
    notify_socket manager{"@cenote-test" + folder.path() + usec};
    auto variables = notifying(manager, shared_server().uri());
    variables["WATCHDOG_USEC"] = usec;
    variables["WATCHDOG_PID"] = pid;
    program serve{{"cenote", "serve"}, variables};
    REQUIRE(manager.gets("READY=1"));
    CHECK_EQ(manager.count_for(1s, "WATCHDOG=1"), 0u);
    serve.signal(SIGTERM);
    CHECK_EQ(serve.wait().code, 0);
  }
}

SCENARIO("after a failed check there are more before the watchdog's time is up") {
  CHECK_EQ(app::next_watchdog_check(30s, true), 15s);
  CHECK_EQ(app::next_watchdog_check(30s, false), 3s);
  CHECK_EQ(app::next_watchdog_check(1us, true), 10ms);
}

SCENARIO("serve takes no notice of a service manager that has no room, and tells it later") {
  temporary_folder folder;
  notify_socket manager{folder.file("notify")};
  manager.fill();
  auto variables = notifying(manager, shared_server().uri());
  variables["WATCHDOG_USEC"] = "1000000";
  program serve{{"cenote", "serve", "--http-listen=127.0.0.1:0"}, variables};
  REQUIRE(serve.logs(" INFO ready: "));
  CHECK(manager.gets("READY=1"));
  CHECK(!contains(serve.logged(), "WARNING"));
  serve.signal(SIGTERM);
  CHECK_EQ(serve.wait().code, 0);
  CHECK_EQ(manager.states(), "READY STOPPING");
}

SCENARIO("without a service manager that can be reached serve warns, and serves") {
  temporary_folder folder;
  for (auto& [name, reason] : {std::pair{folder.file("none"), "No such file or directory"},
                               {std::string{"relative"}, "it is neither an absolute path nor an abstract name"},
                               {std::string{"@"} + std::string(107, 'x'), "it is neither"}}) {
    program serve{{"cenote", "serve"}, {{"DATABASE_URI", shared_server().uri()}, {"NOTIFY_SOCKET", name}}};
    REQUIRE(serve.logs(" INFO ready: "));
    serve.signal(SIGUSR1);
    REQUIRE(serve.logs(" INFO pool main: "));
    serve.signal(SIGTERM);
    auto x = serve.wait();
    CHECK_EQ(x.code, 0);
    CHECK(contains(x.err, " WARNING the service manager cannot be notified at NOTIFY_SOCKET=" + name + ": " + reason));
    CHECK_EQ(count(x.err, " WARNING "), 1u);
  }
}

SCENARIO("no process that serve starts can speak for it") {
  temporary_folder folder;
  notify_socket manager{folder.file("notify")};
  auto mark = "CENOTE_MARK_OF_NOTIFY_TEST=" + folder.path();
  program serve{{"cenote", "serve", "--embedded"},
                {{"NOTIFY_SOCKET", manager.name()},
                 {"WATCHDOG_USEC", "60000000"},
                 {"CENOTE_MARK_OF_NOTIFY_TEST", folder.path()}}};
  REQUIRE(manager.gets("READY=1"));
  CHECK(processes_with(mark).size() > 1);
  CHECK_EQ(processes_with("NOTIFY_SOCKET=" + manager.name()), std::vector{serve.pid()});
  CHECK_EQ(processes_with("WATCHDOG_USEC=60000000"), std::vector{serve.pid()});
  serve.signal(SIGTERM);
  CHECK_EQ(serve.wait().code, 0);
  CHECK_EQ(manager.states(), "READY STOPPING");
}

SCENARIO("commands other than serve tell the service manager nothing") {
  temporary_folder folder;
  notify_socket manager{folder.file("notify")};
  CHECK_EQ(run({"cenote", "check"}, notifying(manager, shared_server().uri())).code, 0);
  CHECK_EQ(manager.states(), "");
}
