#include "actors/job.hpp"

#include "cenote/error.hpp"

#include <utility>

namespace cenote {

namespace {

step control(step_kind kind, std::string sql) {
  return {kind, write(std::move(sql))};
}

void add_begin(std::vector<step>& steps, const transaction_options& options) {
  if (auto level = to_string(options.level); !level.empty())
    steps.push_back(control(step_kind::begin, "SET TRANSACTION ISOLATION LEVEL " + level));
  steps.push_back(control(step_kind::begin, options.read_only ? "START TRANSACTION READ ONLY" : "START TRANSACTION"));
}

std::string quoted(const std::string& name) {
  std::string result = "`";
  for (auto x : name)
    result += x == '`' ? std::string{"``"} : std::string{x};
  return result + '`';
}

} // namespace

job::job(statement what, caf::response_promise promise)
    : promise_{std::move(promise)}, kind_{what.kind}, limit_{what.timeout} {
  steps_.push_back({step_kind::statement, std::move(what)});
}

job::job(transaction what, bool as_compound, caf::response_promise promise)
    : promise_{std::move(promise)},
      reply_{reply::results},
      kind_{kind_of(what)},
      limit_{what.timeout},
      whole_{std::move(what)} {
  if (as_compound) {
    steps_.push_back({step_kind::compound, {}});
    return;
  }
  add_begin(steps_, whole_.options);
  for (auto& x : whole_.statements)
    steps_.push_back({step_kind::statement, x});
  steps_.push_back(control(step_kind::commit, "COMMIT"));
}

job::job(session_command what, caf::response_promise promise)
    : promise_{std::move(promise)}, reply_{reply::nothing}, kind_{what.text.kind}, limit_{what.text.timeout} {
  using kind = session_command::kind;
  switch (what.what) {
  case kind::execute:
    reply_ = reply::result;
    steps_.push_back({step_kind::statement, std::move(what.text)});
    break;
  case kind::begin:
    add_begin(steps_, what.options);
    break;
  case kind::commit:
    steps_.push_back(control(step_kind::commit, "COMMIT"));
    break;
  case kind::rollback:
    steps_.push_back(control(step_kind::control, "ROLLBACK"));
    break;
  case kind::savepoint:
    steps_.push_back(control(step_kind::control, "SAVEPOINT " + quoted(what.savepoint)));
    break;
  case kind::rollback_to:
    steps_.push_back(control(step_kind::control, "ROLLBACK TO SAVEPOINT " + quoted(what.savepoint)));
    break;
  }
}

bool job::step_done(result x) {
  if (current().kind == step_kind::statement)
    results_.push_back(std::move(x));
  return ++at_ < steps_.size();
}

bool job::step_done(std::vector<result> all) {
  results_ = std::move(all);
  return ++at_ < steps_.size();
}

failure job::fate_of_whole(failure why, size_t complete_sets, bool in_transaction) const {
  if (is_transaction() && current().kind == step_kind::compound && complete_sets < whole_.statements.size())
    why.statement_index = static_cast<uint32_t>(complete_sets);
  else if (is_transaction() && current().kind == step_kind::statement)
    why.statement_index = static_cast<uint32_t>(results_.size());
  auto kind = current().kind;
  auto uncommitted = is_transaction() ? kind == step_kind::begin || kind == step_kind::statement
                                      : in_transaction && kind != step_kind::commit;
  auto never_began = is_transaction() && at_start() && why.what == outcome::not_sent;
  // A server that loses its client rolls back what that one has not committed.
  if (uncommitted && !never_began && (why.what == outcome::unknown || why.what == outcome::not_sent))
    why.what = outcome::rolled_back;
  return why;
}

void job::roll_back(failure why) {
  failed_ = std::move(why);
  steps_ = {control(step_kind::rollback, "ROLLBACK")};
  at_ = 0;
}

void job::answer() {
  if (failed_) {
    answer(std::move(*failed_));
    return;
  }
  switch (reply_) {
  case reply::result:
    promise_.deliver(results_.empty() ? result{} : std::move(results_.back()));
    break;
  case reply::results:
    promise_.deliver(std::move(results_));
    break;
  case reply::nothing:
    promise_.deliver();
    break;
  }
}

void job::answer(failure why) {
  promise_.deliver(make_error(std::move(why)));
}

} // namespace cenote
