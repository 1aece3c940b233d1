#pragma once

#include "connection/commands.hpp"
#include "simulation/population.hpp"
#include "simulation/stamps.hpp"
#include "simulation/transcript.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cenote::simulation {

/// Identifies an answer that a caller waits for.
enum class promise : uint32_t {};

using content = decltype(connection_command::answer::content);

/// The expectations of a caller about the answer to a request.
struct expectation {
  std::string description; ///< For texts.
  caller_id caller{};
  time_point due = time_point::max();          ///< The deadline of the answer.
  std::optional<stamp> sent{};                 ///< The answer may be later than ...
  time_point begun_before = time_point::max(); ///< ... this only if that statement was sent before this time.
  std::function<void(const content&)> then;    ///< Not called if the caller has ended.
};

/// The books of a run: the promised answers, and the facts that must be true in the end. Objects to every deviation.
class ledger {
public:
  ledger(const schedule& time, const population& people, stamps& marks, transcript& log)
      : time_{time}, people_{people}, marks_{marks}, log_{log} {
    // nop
  }

  promise expect(expectation expected);

  /// The answer has arrived.
  void keep(promise kept_promise, const content& answer);

  /// Number of answers that are awaited.
  size_t open() const noexcept { return open_; }

  /// Number of failures by kind; `count` answers in all.
  struct tally {
    size_t count = 0;
    std::map<errc, size_t> failures;
  };
  const tally& answers() const noexcept { return answers_; }

  // -- what must be true in the end --------------------------------------------------

  enum class claim_kind : uint8_t {
    there,          ///< It was acknowledged.
    absent,         ///< It was reported as not carried out.
    unknown,        ///< Either.
    all_or_nothing, ///< Either all of them or none.
  };

  struct claim {
    claim_kind kind = claim_kind::unknown;
    std::vector<stamp> marks;
    std::string reason;
    time_point answered; ///< When the caller was told.
  };

  void claim_that(claim stated) { claims_.push_back(std::move(stated)); }

  /// The end: all promises must have been kept, and all claims be true.
  void close();

private:
  struct entry {
    expectation expected;
    bool kept = false;
  };

  void check(const claim& stated);
  void check(const claim& stated, stamp mark);

  const schedule& time_;
  const population& people_;
  stamps& marks_;
  transcript& log_;
  std::vector<entry> entries_;
  std::vector<claim> claims_;
  size_t open_ = 0;
  tally answers_;
};

/// For texts.
std::string describe(const content& answer);
std::string name_of(caller_id caller);

} // namespace cenote::simulation
