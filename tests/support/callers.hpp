#pragma once

#include "support/actor_fixture.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace cenote::test {

/// Actors that send one statement after another, each as soon as its last one was answered, until they are told to
/// stop.
class callers {
public:
  /// The outcome of one request.
  struct record {
    uint64_t number;              ///< Of the request; never used twice.
    std::optional<failure> error; ///< Empty if it succeeded.
  };

  /// Makes the statement of a request; called from several threads.
  using maker = std::function<statement(uint64_t number)>;

  /// @param each how many requests each of them makes before it stops by itself.
  callers(caf::actor_system& sys, const pool_actor& pool, size_t count, maker next, uint64_t each = UINT64_MAX);
  callers(callers&&) noexcept = default;

  /// Has them stop, as `stop` does, and waits for nothing: a check has failed, and the test must come to its end.
  ~callers();

  /// Requests that were answered so far.
  uint64_t answered() const;
  uint64_t succeeded() const;

  /// Waits until all have made their requests.
  /// @returns the outcome of each request, in the order of the answers.
  /// @throws std::runtime_error if one of them is not answered.
  std::vector<record> finish();

  /// Lets each wait for the answer to its last request, then stop.
  std::vector<record> stop();

private:
  struct shared;
  std::shared_ptr<shared> shared_;
};

} // namespace cenote::test
