#include "ledger_submitter.hpp"

#include "cenote/error.hpp"

#include <caf/scoped_actor.hpp>

#include <atomic>
#include <chrono>
#include <fstream>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace cenote::test {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr auto pause_after_error = 50ms;
constexpr auto limit_of_slow = 500ms;

/// On a busy machine workers are silent for longer than their short leases more often than they are killed.
constexpr uint32_t max_attempts = 500;

constexpr uint64_t in_vector = 20;
constexpr uint64_t in_transaction = 5;
constexpr uint64_t in_session = 3;

/// What all callers have in common.
struct common_state {
  const submitter_options& how;
  std::atomic<uint64_t> last_number = 0;
  steady::time_point begin = steady::now();
};

/// Has one request at a time.
class caller {
public:
  caller(caf::actor_system& sys, pool_actor pool, job_queue queue, common_state& all, size_t index)
      : self_{sys},
        pool_{std::move(pool)},
        queue_{std::move(queue)},
        all_{all},
        random_{static_cast<std::minstd_rand::result_type>(all.how.seed * 1000 + index)} {
    // nop
  }

  void run() {
    for (uint64_t turn = 0;; ++turn) {
      auto is_one_of = [turn](auto... turns) { return ((turn % 8 == turns) || ...); };
      auto count = is_one_of(0u, 1u)       ? in_vector
                   : is_one_of(2u)         ? 1
                   : is_one_of(3u, 4u, 5u) ? in_transaction
                                           : in_session;
      auto works = next(count);
      if (works.empty())
        return;
      if (is_one_of(0u, 1u))
        submit(works);
      else if (is_one_of(2u))
        submit_single(works);
      else if (is_one_of(3u, 4u, 5u))
        transact(works);
      else
        use_session(works);
    }
  }

  std::vector<std::pair<char, uint64_t>> told;

private:
  struct numbered_job {
    uint64_t number;
    job work;
  };
  using numbered_jobs = std::vector<numbered_job>;

  bool happens(double share) { return std::uniform_real_distribution<>{}(random_) < share; }

  /// One of the ways in which a handler misbehaves; most do not.
  std::string choose_how() {
    constexpr std::pair<const char*, double> shares[] = {
        {"retry", 0.02},  {"snooze", 0.02}, {"refused", 0.01},       {"chain", 0.03},
        {"throw", 0.003}, {"slow", 0.004},  {"slow-session", 0.002}, {"session", 0.04},
    };
    auto drawn = std::uniform_real_distribution<>{}(random_);
    for (auto& [how, share] : shares)
      if ((drawn -= share) < 0)
        return how;
    return {};
  }

  /// The next jobs, when it is time for them; nothing after the last one.
  numbered_jobs next(uint64_t count) {
    numbered_jobs works;
    auto number = all_.last_number.fetch_add(count) + 1;
    std::this_thread::sleep_until(all_.begin
                                  + std::chrono::duration_cast<steady::duration>(std::chrono::duration<double>{
                                      static_cast<double>(number) / all_.how.per_second}));
    for (auto i = number; i < number + count && i <= all_.how.jobs; ++i) {
      std::uniform_int_distribution<> any{1, all_.how.accounts};
      transfer payload{i, any(random_), any(random_), choose_how()};
      auto work = make_job(payload).attempted_at_most(max_attempts).with_backoff({50ms, 500ms});
      if (payload.how.starts_with("slow"))
        work = std::move(work).within(limit_of_slow);
      works.push_back({i, std::move(work)});
    }
    return works;
  }

  void note(char verdict, const numbered_jobs& works) {
    for (auto& each : works)
      told.emplace_back(verdict, each.number);
  }

  void note_failure(const failure& reason, const numbered_jobs& works) {
    note(reason.outcome == outcome::unknown ? '?' : '-', works);
    std::this_thread::sleep_for(pause_after_error);
  }

  template <class Answer, class... Ts>
  std::optional<failure> ask(const auto& whom, Answer* answer, Ts&&... request) {
    std::optional<failure> failed;
    auto on_error = [&](const caf::error& reason) { failed = details(reason); };
    auto response = self_->request(whom, caf::infinite, std::forward<Ts>(request)...);
    if constexpr (std::is_void_v<Answer>)
      response.receive([] {}, on_error);
    else
      response.receive([&](Answer& x) { *answer = std::move(x); }, on_error);
    return failed;
  }

  template <class... Ts>
  std::optional<failure> ask_void(const auto& whom, Ts&&... request) {
    return ask<void>(whom, nullptr, std::forward<Ts>(request)...);
  }

  /// Again and again, whatever the failure: the ids stay the same.
  void submit(const numbered_jobs& works) {
    std::vector<job> jobs;
    for (auto& each : works)
      jobs.push_back(each.work);
    std::vector<job_id> ids;
    while (auto failed = ask(queue_, &ids, submit_atom_v, jobs)) {
      if (failed->outcome == outcome::rejected)
        throw std::runtime_error{to_string(*failed)};
      std::this_thread::sleep_for(pause_after_error);
    }
    for (size_t i = 0; i < jobs.size(); ++i)
      if (ids.at(i) != jobs[i].id)
        throw std::runtime_error{"the queue has answered the id of another job"};
    note('+', works);
  }

  void submit_single(const numbered_jobs& works) {
    job_id id;
    while (auto failed = ask(queue_, &id, submit_atom_v, works.front().work)) {
      if (failed->outcome == outcome::rejected)
        throw std::runtime_error{to_string(*failed)};
      std::this_thread::sleep_for(pause_after_error);
    }
    note('+', works);
  }

  static statement cause_of(const numbered_job& each) {
    return write("INSERT INTO cause (number) VALUES (?)", each.number);
  }

  void transact(const numbered_jobs& works) {
    transaction request;
    for (auto& each : works) {
      request.statements.push_back(cause_of(each));
      request.statements.push_back(enqueue(each.work));
    }
    auto is_to_fail = happens(0.25);
    if (is_to_fail)
      request.statements.push_back(write("INSERT INTO cause (number) VALUES (NULL)"));
    std::vector<result> results;
    if (auto failed = ask(pool_, &results, transact_atom_v, std::move(request).within(20s)))
      note_failure(*failed, works);
    else if (is_to_fail)
      throw std::runtime_error{"a transaction has succeeded that cannot"};
    else
      note('+', works);
  }

  void use_session(const numbered_jobs& works) {
    session_id session{};
    session_options how;
    how.owner = "submitter";
    if (auto failed = ask(pool_, &session, checkout_atom_v, how)) {
      note('-', works);
      std::this_thread::sleep_for(pause_after_error);
      return;
    }
    end_session(session, works, write_in(session, works));
    ask_void(pool_, checkin_atom_v, session);
  }

  std::optional<failure> write_in(session_id session, const numbered_jobs& works) {
    if (auto failed = ask_void(pool_, begin_atom_v, session, transaction_options{}))
      return failed;
    result ignored;
    for (auto& each : works) {
      if (auto failed = ask(pool_, &ignored, execute_atom_v, session, enqueue(each.work)))
        return failed;
      if (auto failed = ask(pool_, &ignored, execute_atom_v, session, cause_of(each)))
        return failed;
    }
    return std::nullopt;
  }

  void end_session(session_id session, const numbered_jobs& works, const std::optional<failure>& failed) {
    if (failed) { // Before its COMMIT was asked for.
      note('-', works);
      std::this_thread::sleep_for(pause_after_error);
    } else if (happens(0.2)) {
      ask_void(pool_, rollback_atom_v, session);
      note('-', works);
    } else if (happens(0.1)) { // Its end rolls back.
      note('-', works);
    } else if (auto not_committed = ask_void(pool_, commit_atom_v, session)) {
      note_failure(*not_committed, works);
    } else {
      note('+', works);
    }
  }

  caf::scoped_actor self_;
  pool_actor pool_;
  job_queue queue_;
  common_state& all_;
  std::minstd_rand random_;
};

} // namespace

void submit_all(caf::actor_system& sys, const pool_actor& pool, const job_queue& queue, const submitter_options& how) {
  common_state all{how};
  std::vector<std::vector<std::pair<char, uint64_t>>> told(how.callers);
  std::vector<std::string> problems(how.callers);
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < how.callers; ++i)
    threads.emplace_back([&, i] {
      try {
        caller one{sys, pool, queue, all, i};
        one.run();
        told[i] = std::move(one.told);
      } catch (const std::exception& error) {
        problems[i] = error.what();
      }
    });
  threads.clear();
  for (auto& problem : problems)
    if (!problem.empty())
      throw std::runtime_error{problem};
  std::ofstream log{how.log};
  for (auto& of_one : told)
    for (auto& [verdict, number] : of_one)
      log << verdict << ' ' << number << '\n';
  if (!log.flush())
    throw std::runtime_error{"cannot write " + how.log};
}

} // namespace cenote::test
