#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace cenote::simulation {

/// Identifies an actor that makes requests.
enum class caller_id : uint64_t {};

/// The living callers. Callers end without a word; the pool learns of it later, all others may look it up.
class population {
public:
  caller_id add() {
    alive_.push_back(true);
    return caller_id{alive_.size()};
  }

  bool has_ended(caller_id caller) const { return caller != caller_id{} && !alive_[static_cast<size_t>(caller) - 1]; }

  void end(caller_id caller) {
    alive_[static_cast<size_t>(caller) - 1] = false;
    if (on_end)
      on_end(caller);
  }

  std::function<void(caller_id)> on_end;

private:
  std::vector<bool> alive_;
};

} // namespace cenote::simulation
