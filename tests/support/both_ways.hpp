#pragma once

#include "cenote/transaction.hpp"

namespace cenote::test {

/// How a transaction travels.
struct way {
  const char* name;
  bool whole; ///< As one compound statement.

  transaction operator()(transaction what) const {
    // A comment keeps it from travelling as one.
    if (!whole)
      for (auto& x : what.statements)
        x.sql += " /* apart */";
    return what;
  }
};

inline constexpr way both_ways[] = {{"as one compound statement", true}, {"step by step", false}};

} // namespace cenote::test
