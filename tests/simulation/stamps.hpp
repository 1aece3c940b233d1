#pragma once

#include "simulation/schedule.hpp"

#include <cstdint>
#include <vector>

namespace cenote::simulation {

/// Identifies a statement of a caller. It travels with the statement to the server, and back with the answer.
enum class stamp : uint32_t {};

/// Identifies a use of a connection: requests of one caller, which no other may interrupt.
enum class use_id : uint32_t {};

/// What the server has done with a statement.
struct stamp_record {
  use_id use{};
  bool exclusive = false;                        ///< Belongs to a session.
  bool repeatable = false;                       ///< It may be done more than once ...
  bool retried = false;                          ///< ... and perhaps was: it has been asked for again.
  bool stopped = false;                          ///< By a third party, not by the pool.
  uint32_t committed = 0;                        ///< How often its effect has become lasting.
  time_point first_sent = time_point::max();     ///< When it was handed to a connection.
  time_point first_begun = time_point::max();    ///< When the server has begun with it.
  time_point last_committed = time_point::min(); ///< When its effect has become lasting for the last time.
};

/// All statements of a run.
class stamps {
public:
  use_id new_use() { return use_id{++last_use_}; }

  stamp add(use_id use, bool exclusive, bool repeatable) {
    records_.push_back({use, exclusive, repeatable});
    return stamp{static_cast<uint32_t>(records_.size() - 1)};
  }

  /// Their number, including the null stamp.
  size_t size() const noexcept { return records_.size(); }

  stamp_record& operator[](stamp mark) { return records_[static_cast<size_t>(mark)]; }
  const stamp_record& operator[](stamp mark) const { return records_[static_cast<size_t>(mark)]; }

private:
  uint32_t last_use_ = 0;
  std::vector<stamp_record> records_{1}; ///< The first one is that of the null stamp.
};

} // namespace cenote::simulation
