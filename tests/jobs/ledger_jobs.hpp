#pragma once

#include "cenote/jobs/payload.hpp"
#include "cenote/jobs/queue.hpp"

#include <cstdint>
#include <string>

#include <caf/type_id.hpp>

namespace cenote::test {

/// Moves one unit from an account to another, and notes that in the ledger.
struct transfer {
  uint64_t number = 0;
  int source = 0;
  int target = 0;
  std::string how{}; ///< What its handler is to do; see `transfer_handler`. A later version's field.
};

template <class Inspector>
bool inspect(Inspector& f, transfer& x) {
  return f.object(x).fields(f.field("number", x.number), f.field("source", x.source), f.field("target", x.target),
                            f.field("how", x.how).fallback(std::string{}));
}

/// The same the other way round: a kind that only later versions of the worker know.
struct refund {
  uint64_t number = 0;
  int source = 0;
  int target = 0;
};

template <class Inspector>
bool inspect(Inspector& f, refund& x) {
  return f.object(x).fields(f.field("number", x.number), f.field("source", x.source), f.field("target", x.target));
}

/// The job that a transfer with `how` = "chain" causes has its number plus this.
inline constexpr uint64_t chained = 1'000'000'000;

} // namespace cenote::test

CAF_BEGIN_TYPE_ID_BLOCK(ledger_jobs, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(ledger_jobs, (cenote::test::transfer))
CAF_ADD_TYPE_ID(ledger_jobs, (cenote::test::refund))
CAF_END_TYPE_ID_BLOCK(ledger_jobs)
