#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace cenote::simulation {

/// Names an actor that asks for something.
enum class caller_id : uint64_t {};

/// Who is there. Callers end without a word; the pool is told of it later, everybody else may look.
class population {
public:
  caller_id add() {
    alive_.push_back(true);
    return caller_id{alive_.size()};
  }

  bool has_ended(caller_id x) const { return x != caller_id{} && !alive_[static_cast<size_t>(x) - 1]; }

  void end(caller_id x) {
    alive_[static_cast<size_t>(x) - 1] = false;
    if (on_end)
      on_end(x);
  }

  std::function<void(caller_id)> on_end;

private:
  std::vector<bool> alive_;
};

} // namespace cenote::simulation
