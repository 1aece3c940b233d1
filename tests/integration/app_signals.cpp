// Signals while the program waits for somebody else: who writes what it reads, or reads what it writes.

#define CAF_SUITE app.signals

#include "integration/app_program.hpp"
#include "support/server.hpp"

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::test;

namespace {

/// A FIFO with a reader or a writer that does nothing.
class idle_fifo {
public:
  /// @param held whether somebody has the other end open.
  explicit idle_fifo(bool held) {
    mkfifo(path().c_str(), 0600);
    if (held)
      end_ = open(path().c_str(), O_RDWR | O_CLOEXEC);
  }

  idle_fifo(const idle_fifo&) = delete;

  ~idle_fifo() {
    if (end_ != -1)
      close(end_);
  }

  std::string path() const { return folder_.file("fifo"); }

private:
  temporary_folder folder_;
  int end_ = -1;
};

/// Sends the signal to a program that waits, again and again: when it has come to its waiting is not to be seen.
ended interrupt(program& x, int signal) {
  std::this_thread::sleep_for(std::chrono::milliseconds{300});
  x.signal(signal);
  return x.wait();
}

/// The text of the file of that name in a folder or the ones below, which come and go meanwhile.
std::string text_below(const std::string& folder, const std::string& name) {
  std::error_code err;
  for (std::filesystem::recursive_directory_iterator i{folder, err}, end; !err && i != end; i.increment(err))
    if (i->path().filename() == name) {
      std::ifstream in{i->path()};
      return {std::istreambuf_iterator<char>{in}, {}};
    }
  return {};
}

/// Waits until a file below the program's folder has such a line; not longer than the program would take by itself.
void wait_for_line(const std::string& part, const std::string& file, const program& x) {
  for (auto i = 0; i < 4000 && !contains(text_below(x.folder(), file), part); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
}

environment here() {
  return {{"DATABASE_URI", shared_server().uri()}};
}

} // namespace

SCENARIO("a signal ends the program while it reads a FIFO that nobody writes to") {
  for (auto held : {false, true})
    for (auto signal : {SIGINT, SIGTERM, SIGHUP}) {
      idle_fifo fifo{held};
      for (std::vector<std::string> words : {std::vector<std::string>{"cenote", "check"},
                                             {"cenote", "sql", "SELECT 1"},
                                             {"cenote", "check", "--config", fifo.path()}}) {
        program x{words, {{"DATABASE_URI_FILE", fifo.path()}}};
        auto end = interrupt(x, signal);
        CHECK_EQ(end.code, 128 + signal);
        CHECK_EQ(end.all(), "");
        CHECK_LT(end.seconds, 10.0);
      }
    }
}

SCENARIO("a signal ends the program while it reads standard input") {
  idle_fifo fifo{true};
  for (auto signal : {SIGINT, SIGTERM, SIGHUP}) {
    program x{{"/bin/sh", "-c", "exec \"$0\" sql - <\"$1\"", CENOTE_BINARY_DIR "/bin/cenote", fifo.path()}, here()};
    auto end = interrupt(x, signal);
    CHECK_EQ(end.code, 128 + signal);
    CHECK_LT(end.seconds, 10.0);
  }
}

SCENARIO("a signal ends the program while it writes to a reader that has stopped") {
  for (auto signal : {SIGINT, SIGTERM, SIGHUP}) {
    idle_fifo fifo{true};
    program x{{"cenote", "sql", "SELECT REPEAT('x', 1000000)"}, here(), "", fifo.path()};
    std::this_thread::sleep_for(std::chrono::milliseconds{300});
    auto end = interrupt(x, signal);
    CHECK_EQ(end.code, 128 + signal);
    CHECK_LT(end.seconds, 10.0);
  }
}

SCENARIO("a signal that comes too late to stop the work ends a program whose reader has stopped") {
  auto run_with = [](const std::string& out) {
    program x{{"cenote", "sql", "--embedded", "SELECT REPEAT('x', 1000000)"}, {}, "", out};
    // The result is there once the private server has been told to end, and that takes longest.
    wait_for_line("Normal shutdown", "error.log", x);
    x.signal(SIGINT);
    return x.wait();
  };
  idle_fifo fifo{true};
  auto stuck = run_with(fifo.path());
  CHECK_EQ(stuck.code, 128 + SIGINT);
  CHECK_LT(stuck.seconds, 40.0);
  // Who reads gets what was worked for.
  auto done = run_with("");
  CHECK_EQ(done.code, 0);
  CHECK(contains(done.out, std::string(1'000'000, 'x')));
}

SCENARIO("serve ends in order although nobody reads its log any more") {
  idle_fifo fifo{true};
  program x{{"/bin/sh", "-c", "exec \"$0\" serve --log-status-interval=1ms 2>\"$1\"", CENOTE_BINARY_DIR "/bin/cenote",
             fifo.path()},
            here()};
  std::this_thread::sleep_for(std::chrono::milliseconds{1500}); // 64 KiB of log
  auto end = interrupt(x, SIGTERM);
  CHECK_EQ(end.code, 0);
  CHECK_LT(end.seconds, 20.0);
}

SCENARIO("a config file that is a pipe is read once") {
  auto x = run({"/bin/bash", "-c",
                "exec \"$0\" check --json --config <(echo 'cenote { pool { name = \"piped\" } } caf { scheduler { "
                "max-threads = 2 } }')",
                CENOTE_BINARY_DIR "/bin/cenote"},
               here());
  CHECK_EQ(x.code, 0);
  CHECK(contains(x.out, R"("pool":"piped")"));
}

SCENARIO("closed standard streams and a full disk are told by the exit code, and reach no socket") {
  auto shell = [](const std::string& redirections, const std::string& command) {
    return run({"/bin/sh", "-c", "exec \"$0\" " + command + " " + redirections, CENOTE_BINARY_DIR "/bin/cenote"},
               here());
  };
  for (auto command : {"check", "sql 'SELECT 1'", "--help", "--version"}) {
    CHECK_EQ(shell("<&- >&- 2>&-", command).code, 1);
    CHECK_EQ(shell(">&-", command).code, 1);
    CHECK_EQ(shell("</dev/null >/dev/full 2>/dev/full", command).code, 1);
    CHECK_EQ(shell("<&- >/dev/null 2>&-", command).code, 0);
    CHECK_EQ(shell(">/dev/null 2>/dev/full", command).code, 0);
  }
  CHECK_EQ(shell("<&-", "sql -").code, 2);
  CHECK_EQ(shell("</", "sql -").code, 2);
  CHECK(contains(shell("</", "sql -").err, "cannot read standard input: Is a directory"));
  // A limit for files is no signal that kills.
  auto limited = run({"/bin/sh", "-c", "ulimit -f 1; exec \"$0\" sql \"SELECT REPEAT('x', 1000000)\"",
                      CENOTE_BINARY_DIR "/bin/cenote"},
                     here());
  CHECK_EQ(limited.code, 1);
  CHECK(contains(limited.err, "cannot write to standard output: File too large"));
}

SCENARIO("with too little address space the program says so, or works: it neither hangs nor aborts") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  MESSAGE("a sanitizer needs more address space than any limit that is tried here");
#else
  auto worked = 0;
  auto refused = 0;
  for (auto kilobytes = 40'000; kilobytes <= 600'000; kilobytes += 20'000) {
    auto x = run({"/bin/sh", "-c", "ulimit -v " + std::to_string(kilobytes) + "; exec \"$0\" check",
                  CENOTE_BINARY_DIR "/bin/cenote"},
                 here());
    MESSAGE(kilobytes << " KiB: " << x.code << ' ' << x.err);
    CHECK(x.code == 0 || x.code == 1);
    CHECK(x.code == 0 || contains(x.err, "(see ulimit -"));
    ++(x.code == 0 ? worked : refused);
  }
  CHECK(worked > 0);
  CHECK(refused > 0);
  // A pool that grows until nothing is left goes on with the connections that it has.
  auto growing = run({"/bin/sh", "-c",
                      "ulimit -v 200000; exec timeout 2 \"$0\" serve --pool-size 400 --pool-min-size 400 "
                      "--pool-max-connecting 20",
                      CENOTE_BINARY_DIR "/bin/cenote"},
                     here());
  MESSAGE(growing.err);
  CHECK(contains(growing.err, "too little memory is left for another connection"));
  CHECK(contains(growing.err, "stopped; 0 requests finished, 0 cut"));
#endif
}

SCENARIO("a current folder that cannot be searched is told, and one that has gone does not matter") {
  if (geteuid() != 0) {
    MESSAGE("only root can become somebody who may not search a folder of root's");
    return;
  }
  temporary_folder folder;
  chmod(folder.path().c_str(), 0700);
  auto x = run({"/bin/sh", "-c",
                "cd \"$1\" && exec setpriv --reuid=65534 --clear-groups \"$0\" check --server-connect-timeout=1",
                CENOTE_BINARY_DIR "/bin/cenote", folder.path()},
               here());
  MESSAGE(x.err);
  CHECK(x.code == 2 || contains(x.err, "setpriv"));
  CHECK(!contains(x.err, "defect"));
  auto gone = run(
      {"/bin/sh", "-c", "mkdir gone && cd gone && rmdir ../gone && exec \"$0\" check", CENOTE_BINARY_DIR "/bin/cenote"},
      here());
  CHECK_EQ(gone.code, 0);
  auto homeless = run({"/bin/sh", "-c", "unset HOME; exec \"$0\" check", CENOTE_BINARY_DIR "/bin/cenote"}, here());
  CHECK_EQ(homeless.code, 0);
}
