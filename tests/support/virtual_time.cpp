#include "support/virtual_time.hpp"

namespace cenote::test {

virtual_time::virtual_time() = default;

virtual_time::~virtual_time() {
  // The base class runs whatever timers are left: an actor that arms one for ever would keep it busy for ever.
  for (auto& x : owned_)
    caf::anon_send_exit(x, caf::exit_reason::kill);
  owned_.clear();
  settle();
}

void virtual_time::pass(caf::timespan x) {
  settle();
  auto& clock = sched.clock();
  auto until = now() + x;
  while (!clock.schedule.empty() && clock.schedule.begin()->first <= until) {
    auto due = clock.schedule.begin()->first;
    clock.advance_time(due > now() ? due - now() : caf::timespan{0});
    settle();
  }
  clock.advance_time(until - now());
}

void virtual_time::kill(const caf::actor& who) {
  caf::anon_send_exit(who, caf::exit_reason::kill);
  settle();
}

result one_cell(const std::string& text) {
  result_builder x;
  x.columns({{"x", column_type::text}});
  x.add(text);
  return x.finish();
}

failure make_failure(errc code, outcome what, const std::string& text) {
  failure result;
  result.code = code;
  result.outcome = what;
  result.text = text;
  return result;
}

} // namespace cenote::test
