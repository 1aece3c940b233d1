#pragma once

#include "cenote/transaction.hpp"

namespace cenote::test {

/// A way to send a transaction.
struct way {
  const char* name;
  bool whole; ///< As one compound statement.

  transaction operator()(transaction request) const {
    // A comment keeps it from being sent as one.
    if (!whole)
      for (auto& part : request.statements)
        part.sql += " /* apart */";
    return request;
  }
};

inline constexpr way both_ways[] = {{"as one compound statement", true}, {"step by step", false}};

} // namespace cenote::test
