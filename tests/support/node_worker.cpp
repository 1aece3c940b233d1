// A client of pool nodes, for tests/nodes/faults.py: it knows no account of the database. Its callers write rows into a
// ledger, move money between accounts, and read what they have written, each as soon as its last request was answered.
//
// What each write came to stands in its log before the same caller asks again, so that it also survives the end of this
// process: `+ N` was acknowledged, `? N` may have been done, `- N` was certainly not done. A number without a line was
// not answered. Ends when its standard input does, or after --writes; then it prints one line of JSON.

#include "app/pool_host.hpp"
#include "cenote/configuration.hpp"
#include "cenote/error.hpp"
#include "cenote/node.hpp"
#include "cenote/pool.hpp"
#include "cenote/session.hpp"
#include "cenote/statement.hpp"
#include "cenote/transaction.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

using namespace cenote;
using namespace std::chrono_literals;

namespace {

using steady = std::chrono::steady_clock;
using duration = std::chrono::nanoseconds;

/// A thread that sleeps for so long and has nothing else to do. If it wakes up much later, the process was stopped, or
/// had no processor.
constexpr auto nap = 50ms;

constexpr auto pause_after_error = 20ms;

/// How long the last requests are waited for, beyond their own limits.
constexpr auto patience = 30s;

struct options {
  remote_settings nodes;
  uint32_t writer = 0;
  size_t callers = 4;
  uint64_t writes = 0; ///< Zero: until the standard input ends.
  std::string log;
  int accounts = 20;
  duration limit = 8s;
  duration short_limit = 60ms;
};

/// The times at which this process did not run.
class absences {
public:
  void add(steady::time_point from, steady::time_point to) {
    std::lock_guard guard{mutex_};
    all_.emplace_back(from, to);
  }

  duration within(steady::time_point from, steady::time_point to) const {
    std::lock_guard guard{mutex_};
    duration out{0};
    for (auto& [begin, end] : all_)
      out += std::max<duration>(duration{0}, std::min(end, to) - std::max(begin, from));
    return out;
  }

private:
  mutable std::mutex mutex_;
  std::vector<std::pair<steady::time_point, steady::time_point>> all_;
};

/// What all callers of this process have in common.
class worker {
public:
  explicit worker(const options& how) : rules{how} {
    log_ = open(how.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_ < 0)
      throw std::system_error{errno, std::generic_category(), how.log};
  }
  worker(const worker&) = delete;
  ~worker() { close(log_); }

  /// The number of a further write; zero if there are to be none.
  uint64_t next_number() {
    if (stopping)
      return 0;
    auto number = ++last_number_;
    return rules.writes == 0 || number <= rules.writes ? number : 0;
  }

  /// Says what a write came to.
  void note(char verdict, uint64_t number) {
    char line[32];
    auto length = snprintf(line, sizeof(line), "%c %llu\n", verdict, static_cast<unsigned long long>(number));
    if (write(log_, line, static_cast<size_t>(length)) != length)
      std::abort(); // The audit would be wrong.
  }

  /// A request has been answered.
  void answered(const std::string& what, const std::string& outcome, steady::time_point begin, duration limit) {
    auto now = steady::now();
    auto late = now - begin - limit - missed.within(begin, now);
    std::lock_guard guard{mutex_};
    ++answered_;
    ++outcomes_[what + ": " + outcome];
    if (late > latest_) {
      latest_ = late;
      latest_what_ = what + ": " + outcome;
    }
  }

  nlohmann::json report() const {
    std::lock_guard guard{mutex_};
    auto beyond = std::chrono::duration<double>(latest_).count();
    return {{"writer", rules.writer},        {"unanswered", asked - answered_},
            {"answered", answered_},         {"beyond_limit", beyond},
            {"latest", latest_what_},        {"untrue_reads", untrue_reads.load()},
            {"callers_left", active.load()}, {"outcomes", outcomes_}};
  }

  const options rules;
  absences missed;
  std::atomic<bool> stopping = false;
  std::atomic<size_t> active = 0;
  std::atomic<uint64_t> asked = 0;
  std::atomic<uint64_t> untrue_reads = 0; ///< An acknowledged row was not there exactly once.

private:
  int log_;
  std::atomic<uint64_t> last_number_ = 0;
  mutable std::mutex mutex_;
  uint64_t answered_ = 0;
  duration latest_{0};
  std::string latest_what_;
  std::map<std::string, uint64_t> outcomes_;
};

/// A caller: has one request at a time.
class caller {
public:
  static inline const char* name = "node_worker.caller";

  caller(caf::event_based_actor* this_actor, pool_actor target, worker* all, uint64_t seed)
      : self{this_actor},
        pool{std::move(target)},
        common{all},
        random{static_cast<std::minstd_rand::result_type>(seed)} {
    // nop
  }

  ~caller() { --common->active; }

  caf::behavior make_behavior() {
    next();
    return {[](caf::unit_t) {
      // Keeps the actor alive while it only waits for a time.
    }};
  }

private:
  enum class step { begin, take, give, record, commit };

  /// A transfer in a session.
  struct transfer {
    uint64_t number = 0;
    session_id session{};
    int from = 0;
    int to = 0;
  };

  template <class Answer, class Success, class Failure, class... Ts>
  void ask(const char* what, duration limit, Success success, Failure failed, Ts&&... request) {
    ++common->asked;
    auto begin = steady::now();
    auto on_error = [=, this](const caf::error& error) {
      auto reason = details(error);
      common->answered(what, to_string(reason.code) + " " + to_string(reason.outcome), begin, limit);
      failed(reason);
    };
    // Infinite: whether an answer comes in its time is what is measured.
    auto response = self->request(pool, caf::infinite, std::forward<Ts>(request)...);
    if constexpr (std::is_void_v<Answer>)
      response.then(
          [=, this] {
            common->answered(what, "ok", begin, limit);
            success();
          },
          on_error);
    else
      response.then(
          [=, this](const Answer& answer) {
            common->answered(what, "ok", begin, limit);
            success(answer);
          },
          on_error);
  }

  void next() {
    auto number = common->next_number();
    if (number == 0) {
      self->quit();
      return;
    }
    switch (number % 8) {
    case 0:
      return check_last();
    case 1:
      return transact(number);
    case 2:
      return check_out(number);
    case 3:
      return write_row(
          "idempotent write", number, common->rules.limit,
          idempotent_write("INSERT IGNORE INTO settled (writer, number) VALUES (?, ?)", common->rules.writer, number));
    case 4:
      return write_row("short write", number, common->rules.short_limit, insertion(number));
    default:
      return write_row("write", number, common->rules.limit, insertion(number));
    }
  }

  void next_after_error() {
    self->run_delayed(pause_after_error, [this] { next(); });
  }

  statement insertion(uint64_t number) const {
    return write("INSERT INTO ledger (writer, number) VALUES (?, ?)", common->rules.writer, number);
  }

  void done(uint64_t number) {
    last_done = number;
    common->note('+', number);
  }

  void failed(uint64_t number, const failure& reason) {
    common->note(reason.outcome == outcome::unknown ? '?' : '-', number);
  }

  void write_row(const char* what, uint64_t number, duration limit, statement query) {
    ask<result>(
        what, limit,
        [=, this](const result&) {
          done(number);
          next();
        },
        [=, this](const failure& reason) {
          failed(number, reason);
          next_after_error();
        },
        execute_atom_v, std::move(query).within(limit));
  }

  /// Reads the last row that this caller knows to be there.
  void check_last() {
    auto query = read("SELECT (SELECT COUNT(*) FROM ledger WHERE writer = ? AND number = ?) + "
                      "(SELECT COUNT(*) FROM settled WHERE writer = ? AND number = ?)",
                      common->rules.writer, last_done, common->rules.writer, last_done)
                     .within(common->rules.limit);
    ask<result>(
        "read", common->rules.limit,
        [this](const result& rows) {
          if (last_done != 0 && rows[0].get<int>(0) != 1)
            ++common->untrue_reads;
          next();
        },
        [this](const failure&) { next_after_error(); }, execute_atom_v, std::move(query));
  }

  // -- money ---------------------------------------------------------------------------

  transfer choose(uint64_t number) {
    transfer x;
    x.number = number;
    std::uniform_int_distribution<> any{1, common->rules.accounts};
    x.from = any(random);
    x.to = any(random);
    return x;
  }

  static statement take(const transfer& x) {
    return write("UPDATE account SET balance = balance - 1 WHERE id = ?", x.from);
  }

  static statement give(const transfer& x) {
    return write("UPDATE account SET balance = balance + 1 WHERE id = ?", x.to);
  }

  statement record(const transfer& x) const {
    return write("INSERT INTO ledger (writer, number, source, target) VALUES (?, ?, ?, ?)", common->rules.writer,
                 x.number, x.from, x.to);
  }

  void transact(uint64_t number) {
    auto x = choose(number);
    ask<std::vector<result>>(
        "transaction", common->rules.limit,
        [=, this](const std::vector<result>&) {
          done(number);
          next();
        },
        [=, this](const failure& reason) {
          failed(number, reason);
          next_after_error();
        },
        transact_atom_v, all_or_nothing(take(x), give(x), record(x)).within(common->rules.limit));
  }

  void check_out(uint64_t number) {
    auto x = choose(number);
    session_options how;
    how.owner = "worker " + std::to_string(common->rules.writer);
    how.acquire_timeout = common->rules.limit;
    ask<session_id>(
        "checkout", common->rules.limit,
        [=, this](session_id session) {
          auto in_session = x;
          in_session.session = session;
          advance(in_session, step::begin);
        },
        [=, this](const failure&) {
          common->note('-', number);
          next_after_error();
        },
        checkout_atom_v, how);
  }

  void advance(const transfer& x, step now) {
    auto then = [=, this](const auto&...) { advance(x, static_cast<step>(static_cast<int>(now) + 1)); };
    // Before its COMMIT was asked for, a transaction has certainly no effect, whatever has failed.
    auto failed_before = [=, this](const failure&) {
      common->note('-', x.number);
      check_in(x.session);
    };
    auto run = [&](const char* what, statement query) {
      ask<result>(what, common->rules.limit, then, failed_before, execute_atom_v, x.session,
                  std::move(query).within(common->rules.limit));
    };
    switch (now) {
    case step::begin:
      return ask<void>("begin", prompt(), then, failed_before, begin_atom_v, x.session, transaction_options{});
    case step::take:
      return run("session: take", take(x));
    case step::give:
      return run("session: give", give(x));
    case step::record:
      return run("session: record", record(x));
    case step::commit:
      return ask<void>(
          "commit", prompt(),
          [=, this] {
            done(x.number);
            check_in(x.session);
          },
          [=, this](const failure& reason) {
            failed(x.number, reason);
            check_in(x.session);
          },
          commit_atom_v, x.session);
    }
  }

  void check_in(session_id session) {
    ask<void>(
        "checkin", prompt(), [this] { next(); }, [this](const failure&) { next_after_error(); }, checkin_atom_v,
        session);
  }

  /// What has no limit of its own is answered at once, or its node is given up.
  duration prompt() const { return common->rules.nodes.give_up; }

  caf::event_based_actor* self;
  pool_actor pool;
  worker* common;
  std::minstd_rand random;
  uint64_t last_done = 0;
};

options parse(int argc, char** argv) {
  options out;
  double heartbeat = 1;
  double give_up = 5;
  double limit = 8;
  CLI::App app{"Callers that use pool nodes, and keep account of what they are told; see tests/nodes/faults.py.",
               "node-worker"};
  app.add_option("--nodes", out.nodes.nodes, "host:port, with commas between")->required();
  app.add_option("--name", out.nodes.name, "shown by nodes");
  app.add_option("--certificate", out.nodes.certificate, "PEM file; TLS needs all three");
  app.add_option("--key", out.nodes.key, "PEM file");
  app.add_option("--ca", out.nodes.ca, "PEM file");
  app.add_option("--writer", out.writer, "its number in the rows that it writes: of no other process")->required();
  app.add_option("--log", out.log, "file for what its writes came to; appended to")->required();
  app.add_option("--callers", out.callers, "how many ask at a time")->check(CLI::Range(1, 10'000));
  app.add_option("--writes", out.writes, "ends after so many; 0: with its standard input");
  app.add_option("--accounts", out.accounts, "accounts are numbered from 1")->check(CLI::Range(1, 1'000'000));
  app.add_option("--limit", limit, "seconds for a request");
  app.add_option("--heartbeat", heartbeat, "seconds; see remote.heartbeat");
  app.add_option("--give-up", give_up, "seconds; see remote.give-up");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  auto span = [](double seconds) {
    return std::chrono::duration_cast<duration>(std::chrono::duration<double>{seconds});
  };
  out.nodes.heartbeat = span(heartbeat);
  out.nodes.give_up = span(give_up);
  out.limit = span(limit);
  return out;
}

/// Waits until the standard input or the callers have ended, and then for the answers that are left.
void await_end(worker& all) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  auto last = steady::now();
  auto until = steady::time_point::max();
  while (all.active > 0 && steady::now() < until) {
    // The end of the input shows at once, again and again: it is not waited for any more.
    poll(&input, all.stopping ? 0 : 1, static_cast<int>(std::chrono::milliseconds{nap}.count()));
    auto now = steady::now();
    if (now - last > 2 * nap) {
      all.missed.add(last + nap, now);
      if (until != steady::time_point::max())
        until += now - last;
    }
    last = now;
    char ignored[64];
    if (!all.stopping && input.revents != 0 && ::read(STDIN_FILENO, ignored, sizeof(ignored)) <= 0) {
      all.stopping = true;
      until = now + all.rules.limit + patience;
    }
  }
}

} // namespace

int main(int argc, char** argv) try {
  auto rules = parse(argc, argv);
  init();
  worker all{rules};
  {
    app::pool_host host{rules.nodes, {}};
    auto retrier =
        spawn_retrier(host.system(), host.pool(), {.max_retries = 1000, .initial_delay = 20ms, .max_delay = 500ms});
    all.active = rules.callers;
    for (size_t i = 0; i < rules.callers; ++i)
      host.system().spawn<caf::stateful_actor<caller>>(retrier, &all, rules.writer * 1000 + i);
    await_end(all);
    if (all.active > 0) { // Its callers would keep the actor system alive.
      std::cout << all.report() << std::endl;
      std::_Exit(1);
    }
  }
  std::cout << all.report() << std::endl;
  return 0;
} catch (const std::exception& error) {
  std::cerr << "node-worker: error: " << error.what() << '\n';
  return 1;
}
