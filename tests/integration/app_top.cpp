// `cenote top` on a terminal, and without one.

#define CAF_SUITE app.top

#include "integration/app_program.hpp"
#include "integration/app_terminal.hpp"
#include "support/server.hpp"

#include <csignal>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::test;

namespace {

const std::string control_c = "\x03";
const std::string control_z = "\x1a";

/// `cenote serve`, and where it answers.
struct service {
  explicit service(const std::string& listen = "127.0.0.1:0", const std::vector<std::string>& options = {})
      : running{words(options), {{"DATABASE_URI", shared_server().uri()}, {"CENOTE_HTTP_LISTEN", listen}}} {
    constexpr std::string_view intro = "HTTP: ";
    if (running.logs(std::string{intro} + "http") && running.logs("ready: ")) {
      auto log = running.logged();
      auto begin = log.find(intro) + intro.size();
      url = log.substr(begin, log.find('\n', begin) - begin);
      await_serving(options);
    }
  }

  /// Until all connections are open the pool is degraded.
  void await_serving(std::vector<std::string> options) const {
    options.insert(options.begin(), {"cenote", "top", "--once", url});
    for (int i = 0; i < 100 && !contains(run(options).out, " serving "); ++i)
      usleep(100'000);
  }

  static std::vector<std::string> words(std::vector<std::string> options) {
    options.insert(options.begin(), {"cenote", "serve", "--pool-size=3"});
    return options;
  }

  /// Where it listens, as `http.listen` wants it.
  std::string address() const { return url.substr(url.rfind('/') + 1); }

  program running;
  std::string url;
};

/// Where nobody listens.
constexpr auto nowhere = "http://127.0.0.1:1";

} // namespace

SCENARIO("top shows a running program at 80 columns and 24 rows, and q leaves the terminal as it was") {
  service serve;
  terminal_program top{{"cenote", "top", serve.url}};
  REQUIRE(top.shows("state        serving"));
  REQUIRE(top.shows("breakers")); // The last line: the rest has been drawn by then.
  MESSAGE(top.screen().text());
  for (auto part : {"cenote 0.", "q: quit", "limit 8", "0 waiting", "breakers"})
    CHECK(contains(top.screen().text(), part));
  CHECK(top.screen().on_other_screen());
  CHECK(!top.screen().has_cursor());
  CHECK(!top.is_untouched());
  CHECK(contains(top.screen().styles(), "32;")); // Green.
  top.type("q");
  CHECK_EQ(top.wait(), 0);
  CHECK(top.is_untouched());
  CHECK_EQ(top.screen().unknown(), "");
}

SCENARIO("however top is ended, the terminal is as it was") {
  service serve;
  struct {
    int signal;
    int code;
  } rows[] = {{0, 130}, {SIGINT, 130}, {SIGTERM, 143}, {SIGHUP, 129}};
  for (auto& x : rows) {
    terminal_program top{{"cenote", "top", serve.url}};
    REQUIRE(top.shows("serving"));
    if (x.signal == 0)
      top.type(control_c);
    else
      top.signal(x.signal);
    CHECK_EQ(top.wait(), x.code);
    CHECK(top.is_untouched());
  }
}

SCENARIO("top follows the size of the terminal") {
  service serve;
  terminal_program top{{"cenote", "top", serve.url}, {}, 120, 40};
  REQUIRE(top.shows("RUNNING LONGEST"));
  top.resize(40, 10);
  CHECK(top.comes([&] { return contains(top.screen().text(), "0 waiting  0 in flight\n"); }));
  CHECK_EQ(count(top.screen().text(), "\n"), 10u);
  top.resize(200, 60);
  CHECK(top.comes([&] {
    return contains(top.screen().text(), "[" + std::string(30, ' ')) || contains(top.screen().text(), "-  ");
  }));
  CHECK(top.shows("RUNNING LONGEST"));
  top.resize(1, 1);
  top.resize(80, 24);
  CHECK(top.shows("q: quit"));
  top.type("q");
  CHECK_EQ(top.wait(), 0);
  CHECK_EQ(top.screen().unknown(), "");
}

SCENARIO("while top is stopped the terminal is the shell's, and after fg it goes on") {
  service serve;
  // A shell that waits for a line after each time that its job stops.
  std::string script = "set -m; \"$@\"; echo stopped 1; read -r _; fg >/dev/null; echo stopped 2; read -r _; "
                       "fg >/dev/null; echo ended";
  terminal_program shell{{"/bin/bash", "-c", script, "bash", CENOTE_BINARY_DIR "/bin/cenote", "top", serve.url}};
  REQUIRE(shell.shows("serving"));
  shell.type(control_z);
  REQUIRE(shell.shows("stopped 1"));
  CHECK(shell.comes([&] { return shell.is_untouched(); }));
  shell.type("\n");
  REQUIRE(shell.shows("serving"));
  CHECK(!shell.is_untouched());
  auto jobs = shell.children();
  REQUIRE_EQ(jobs.size(), 1u);
  kill(jobs[0], SIGTSTP);
  REQUIRE(shell.shows("stopped 2"));
  CHECK(shell.comes([&] { return shell.is_untouched(); }));
  shell.type("\n");
  REQUIRE(shell.shows("serving"));
  shell.type("q");
  CHECK(shell.shows("ended"));
  shell.wait();
  CHECK(shell.is_untouched());
}

SCENARIO("colours can be switched off") {
  service serve;
  struct {
    std::vector<std::string> words;
    environment variables;
  } rows[] = {{{"cenote", "top", "--no-color", serve.url}, {}}, {{"cenote", "top", serve.url}, {{"NO_COLOR", "1"}}}};
  for (auto& x : rows) {
    terminal_program top{x.words, x.variables};
    CHECK(top.shows("serving"));
    CHECK_EQ(top.screen().styles(), "");
    top.type("q");
    CHECK_EQ(top.wait(), 0);
  }
}

SCENARIO("a terminal that can only take lines gets lines") {
  service serve;
  terminal_program top{{"cenote", "top", "--count", "2", serve.url}, {{"TERM", "dumb"}}, 300, 24};
  CHECK_EQ(top.wait(), 0);
  CHECK_EQ(count(top.screen().text(), " limit=8 "), 2u);
  CHECK_EQ(top.screen().unknown() + top.screen().styles(), "");
  CHECK(top.is_untouched());
}

SCENARIO("top waits for a program that is not there, and goes on when it is back") {
  std::string address;
  {
    service first;
    address = first.address();
  }
  terminal_program top{{"cenote", "top", "http://" + address}};
  CHECK(top.shows("unreachable"));
  CHECK(top.shows("Connection refused;\n             trying again every second\n"));
  {
    service second{address};
    CHECK(top.shows("serving  for "));
  }
  CHECK(top.shows("unreachable  for "));
  top.type("q");
  CHECK_EQ(top.wait(), 0);
  CHECK(top.is_untouched());
}

SCENARIO("without a terminal top prints lines, and says by its exit code whether it was answered") {
  service serve;
  auto x = run({"cenote", "top", "--count=2", serve.url});
  CHECK_EQ(x.code, 0);
  CHECK_EQ(count(x.out, " limit=8 "), 2u);
  CHECK_EQ(count(x.out, "\n"), 2u);
  CHECK_EQ(x.err, "");
  CHECK_EQ(run({"cenote", "top", "--once", serve.url + "/"}).code, 0);
  CHECK_EQ(run({"cenote", "top", "--once"}, {{"CENOTE_HTTP_LISTEN", serve.address()}}).code, 0);
  x = run({"cenote", "top", "--once", nowhere});
  CHECK_EQ(x.code, 1);
  CHECK(contains(x.out, " unreachable: http://127.0.0.1:1 does not answer: Connection refused; trying again"));
}

SCENARIO("lines go on without end until a signal comes, also while nobody reads them") {
  for (auto signal : {SIGINT, SIGTERM}) {
    program top{{"cenote", "top", nowhere}};
    CHECK(top.prints("unreachable"));
    top.signal(signal);
    CHECK_EQ(top.wait().code, 128 + signal);
  }
  temporary_folder folder;
  auto fifo = folder.file("fifo");
  mkfifo(fifo.c_str(), 0600);
  auto fd = open(fifo.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
  std::string full(4096, 'x');
  while (write(fd, full.data(), full.size()) > 0) {
    // Until there is no room.
  }
  program top{{"cenote", "top", nowhere}, {}, "", fifo};
  sleep(2); // By then it waits for a reader.
  top.signal(SIGTERM);
  auto end = top.wait();
  CHECK_EQ(end.code, 143);
  CHECK_LT(end.seconds, 20);
  close(fd);
}

SCENARIO("a terminal that takes nothing does not keep top from ending") {
  service serve;
  terminal_program top{{"cenote", "top", serve.url}, {}, 500, 200};
  REQUIRE(top.shows("serving"));
  sleep(4); // Nobody reads what it draws.
  top.signal(SIGTERM);
  CHECK_EQ(top.wait(false), 143);
}

SCENARIO("top shows the token of the settings, and says so if it needs one") {
  temporary_folder folder;
  auto file = folder.write("token", "t0ken\n");
  service serve{"127.0.0.1:0", {"--http-token-file", file}};
  auto x = run({"cenote", "top", "--once", serve.url});
  CHECK_EQ(x.code, 1);
  CHECK(contains(x.out, "--http-token-file"));
  x = run({"cenote", "top", "--once", "--http-token-file", file, serve.url});
  CHECK_EQ(x.code, 0);
  CHECK(contains(x.out, " serving "));
  x = run({"cenote", "top", "--once", "--http-token-file", folder.file("none"), serve.url});
  CHECK_EQ(x.code, 2);
}

SCENARIO("mistakes are told before anything is drawn") {
  for (std::vector<std::string> words : {std::vector<std::string>{"cenote", "top", "localhost:9180"},
                                         {"cenote", "top", "https://localhost:9180"},
                                         {"cenote", "top", "--count=0", nowhere},
                                         {"cenote", "top", "--count=x", nowhere},
                                         {"cenote", "top"}}) {
    auto x = run(words); // http.listen is off in tests.
    CHECK_EQ(x.code, 2);
    CHECK_EQ(x.out, "");
    CHECK(!x.err.empty());
  }
}
