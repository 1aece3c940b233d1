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

/// Names an answer that somebody waits for.
enum class promise : uint32_t {};

using content = decltype(connection_command::answer::content);

/// What a caller expects of the answer to a request.
struct expectation {
  std::string what; ///< For texts.
  caller_id caller{};
  time_point due = time_point::max();          ///< When it must have come.
  std::optional<stamp> sent{};                 ///< It may come later than ...
  time_point begun_before = time_point::max(); ///< ... this if this one was sent before.
  std::function<void(const content&)> then;    ///< Not if the caller has ended.
};

/// The books of a run: who was promised an answer, and what must be true in the end. Says what is wrong.
class ledger {
public:
  ledger(const schedule& time, const population& people, stamps& marks, transcript& log)
      : time_{time}, people_{people}, marks_{marks}, log_{log} {
    // nop
  }

  promise expect(expectation x);

  /// The answer has come.
  void keep(promise x, const content& what);

  /// Whether somebody waits for an answer.
  size_t open() const noexcept { return open_; }

  /// How often requests have failed in which way; `count` answers in all.
  struct tally {
    size_t count = 0;
    std::map<errc, size_t> failures;
  };
  const tally& answers() const noexcept { return answers_; }

  // -- what must be true in the end --------------------------------------------------

  enum class claim_kind : uint8_t {
    there,          ///< It was acknowledged.
    absent,         ///< It was said not to have been done.
    unknown,        ///< Either.
    all_or_nothing, ///< Either all of them or none.
  };

  struct claim {
    claim_kind what = claim_kind::unknown;
    std::vector<stamp> about;
    std::string because;
    time_point answered; ///< When the caller was told.
  };

  void claim_that(claim x) { claims_.push_back(std::move(x)); }

  /// The end: all promises must have been kept, and all claims be true.
  void close();

private:
  struct entry {
    expectation what;
    bool kept = false;
  };

  void check(const claim& x);
  void check(const claim& x, stamp mark);

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
std::string describe(const content& x);
std::string name_of(caller_id x);

} // namespace cenote::simulation
