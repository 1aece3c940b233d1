#include "support/virtual_time.hpp"

namespace cenote::test {

virtual_time::virtual_time() = default;

virtual_time::~virtual_time() {
  // The base class runs whatever timers are left: an actor that arms one for ever would keep it busy for ever.
  for (auto& actor : owned_)
    caf::anon_send_exit(actor, caf::exit_reason::kill);
  owned_.clear();
  settle();
}

void virtual_time::pass(caf::timespan span) {
  settle();
  auto& clock = sched.clock();
  auto end = now() + span;
  while (!clock.schedule.empty() && clock.schedule.begin()->first <= end) {
    auto due = clock.schedule.begin()->first;
    clock.advance_time(due > now() ? due - now() : caf::timespan{0});
    settle();
  }
  clock.advance_time(end - now());
}

void virtual_time::kill(const caf::actor& actor) {
  caf::anon_send_exit(actor, caf::exit_reason::kill);
  settle();
}

result one_cell(const std::string& text) {
  result_builder builder;
  builder.columns({{"x", column_type::text}});
  builder.add(text);
  return builder.finish();
}

failure make_failure(errc code, outcome effect, const std::string& text) {
  failure result;
  result.code = code;
  result.outcome = effect;
  result.text = text;
  return result;
}

} // namespace cenote::test
