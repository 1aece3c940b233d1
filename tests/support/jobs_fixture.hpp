#pragma once

#include "cenote/jobs/migrate.hpp"
#include "cenote/jobs/queue.hpp"
#include "support/pool_fixture.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace cenote::test {

/// The job of most tests.
struct count_up {
  int number = 0;
  std::string how{}; ///< What its handler is to do.
};

template <class Inspector>
bool inspect(Inspector& f, count_up& x) {
  return f.object(x).fields(f.field("number", x.number), f.field("how", x.how).fallback(std::string{}));
}

/// Another kind.
struct other_work {
  int number = 0;
};

template <class Inspector>
bool inspect(Inspector& f, other_work& x) {
  return f.object(x).fields(f.field("number", x.number));
}

} // namespace cenote::test

CAF_BEGIN_TYPE_ID_BLOCK(jobs_test, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(jobs_test, (cenote::test::count_up))
CAF_ADD_TYPE_ID(jobs_test, (cenote::test::other_work))
CAF_END_TYPE_ID_BLOCK(jobs_test)

namespace cenote::test {

/// A database with the tables of jobs, and one with the table `done (number, attempt)`.
class jobs_fixture : public pool_fixture {
public:
  explicit jobs_fixture(std::vector<std::string> server_options = {});
  ~jobs_fixture();

  /// Settings with which a test does not wait.
  static job_settings quick();

  /// Starts a queue on a pool of its own; it ends with this fixture.
  job_queue start_queue(const job_settings& settings = quick());

  template <class T>
  using answer_to = std::function<job_answer(const T&, const job_context&)>;

  /// Has the jobs of one kind done by a function.
  template <class T>
  void handle(const job_queue& queue, answer_to<T> f) {
    queue.on<T>(system().spawn([f = std::move(f)]() -> typename job_handler<T>::behavior_type {
      return {[f](const T& payload, const job_context& context) { return f(payload, context); }};
    }));
  }

  /// Asks a queue, and waits for the answer.
  template <class T, class... Ts>
  answer<T> ask_queue(const job_queue& queue, Ts... args) {
    return request_of<T>(static_cast<const job_queue_actor&>(queue), std::move(args)...).get();
  }

  /// The same for a request that has to succeed.
  template <class T, class... Ts>
  T must_queue(const job_queue& queue, Ts... args) {
    auto came = ask_queue<T>(queue, std::move(args)...);
    if (!came)
      throw std::runtime_error{to_string(came.error())};
    return std::move(*came);
  }

  /// The only cell of the only row.
  int64_t number(const std::string& sql);

private:
  std::vector<job_queue> queues_;
};

} // namespace cenote::test
