#include "simulation/model_server.hpp"

#include <algorithm>
#include <utility>

namespace cenote::simulation {

namespace {

constexpr uint8_t counters = 0;
constexpr uint8_t keys = 1;

/// The row that a statement locks, if it does.
std::optional<row_key> locked_by(const command& command) {
  switch (command.op) {
  case operation::lock:
  case operation::set:
  case operation::add:
  case operation::restart:
    return row_key{counters, command.row};
  case operation::insert_key:
    return row_key{keys, command.row};
  default:
    return std::nullopt;
  }
}

} // namespace

// -- steps: a statement, or one of a compound statement ------------------------------

void model_server::begin_step(session& target) {
  auto& command = target.current->commands[target.step];
  if (log_.enabled())
    log_.step(name_of(target), to_string(command));
  if (std::exchange(target.kill_pending, false)) {
    interrupt(target);
    return;
  }
  if (has_stamp(command.op))
    check_use(target, command);
  if (is_write(command.op) && endpoints_[target.endpoint].read_only) {
    refuse(target, 1290, "HY000",
           "The MariaDB server is running with the --read-only option so it cannot execute this statement");
    return;
  }
  if (is_write(command.op) && target.in_transaction && target.read_only) {
    refuse(target, 1792, "25006", "Cannot execute statement in a READ ONLY transaction");
    return;
  }
  auto key = locked_by(command);
  switch (key ? locks_.acquire(target.id, *key) : row_locks::answer::granted) {
  case row_locks::answer::granted:
    work_on_step(target);
    break;
  case row_locks::answer::deadlock:
    roll_back(target);
    refuse(target, 1213, "40001", "Deadlock found when trying to get lock; try restarting transaction");
    break;
  case row_locks::answer::waiting:
    target.waits_for_lock = true;
    time_.after(plan_.lock_wait_timeout, [this, &target, turn = target.turn] {
      if (!target.open || target.turn != turn || !target.waits_for_lock)
        return;
      target.waits_for_lock = false;
      locks_.forget_wait(target.id);
      refuse(target, 1205, "HY000", "Lock wait timeout exceeded; try restarting transaction");
    });
    break;
  }
}

/// It has the locks that it needs.
void model_server::work_on_step(session& target) {
  target.waits_for_lock = false;
  auto turn = ++target.turn;
  auto is_short = !has_stamp(target.current->commands[target.step].op);
  time_.after(is_short ? random_.up_to(plan_.statement_time / 2) : time_for_statement(target), [this, &target, turn] {
    if (target.open && target.turn == turn)
      finish_step(target);
  });
}

void model_server::finish_step(session& target) {
  auto& command = target.current->commands[target.step];
  if (plan_.with.errors && has_stamp(command.op) && random_.one_in(150)) {
    refuse(target, 1030, "HY000", "Got error 168 from storage engine");
    return;
  }
  if (command.op == operation::insert_key && keys_.contains(command.row)) {
    refuse(target, 1062, "23000", "Duplicate entry for key 'PRIMARY'");
    return;
  }
  if (command.op == operation::insert && entries_.contains(static_cast<uint32_t>(command.mark))) {
    refuse(target, 1062, "23000", "Duplicate entry for key 'PRIMARY'");
    return;
  }
  if (command.op == operation::wrong) {
    refuse(target, 1064, "42000", "You have an error in your SQL syntax");
    return;
  }
  if (command.op == operation::odd) {
    refuse(target, 1105, "HY000", "Unknown error");
    return;
  }
  if ((command.op == operation::rollback_to || command.op == operation::release)
      && !find_savepoint(target, command, command.op == operation::release)) {
    refuse(target, 1305, "42000", "SAVEPOINT does not exist");
    return;
  }
  if (command.op == operation::commit && plan_.with.errors && random_.one_in(200)) {
    random_.one_in(2) ? commit(target) : roll_back(target);
    refuse(target, 1180, "HY000", "Got error 28 during COMMIT");
    return;
  }
  result_set out;
  out.mark = command.mark;
  out.row = command.row;
  carry_out(target, command, out);
  if (target.current->type == server_request::kind::statement || has_stamp(command.op))
    target.reply.sets.push_back(std::move(out));
  if (!target.in_transaction)
    release_locks(target);
  if (++target.step < target.current->commands.size())
    begin_step(target);
  else
    answer(target);
}

void model_server::carry_out(session& target, const command& command, result_set& out) {
  auto use = marks_[command.mark].use;
  switch (command.op) {
  case operation::read:
  case operation::lock:
    out.has_rows = true;
    break;
  case operation::set:
  case operation::add:
  case operation::insert:
  case operation::insert_key:
  case operation::note:
    write(target, command);
    break;
  case operation::touch:
    out.has_rows = true;
    target.touched = true;
    target.changed_by = use;
    break;
  case operation::set_variable:
  case operation::set_mode:
    target.changed_by = use;
    break;
  case operation::restart:
    write(target, command);
    commit(target);
    target.in_transaction = true;
    target.transaction_of = use;
    break;
  case operation::define:
    commit(target);
    write(target, command);
    break;
  case operation::begin:
  case operation::begin_read_only:
    commit(target); // As servers do.
    target.in_transaction = true;
    target.read_only = command.op == operation::begin_read_only;
    target.has_isolation = false;
    break;
  case operation::set_isolation:
    target.has_isolation = true;
    break;
  case operation::commit:
    commit(target);
    break;
  case operation::rollback:
    out.warnings = target.keeps_something ? 1 : 0;
    roll_back(target);
    break;
  case operation::savepoint:
    if (target.in_transaction) {
      std::erase_if(target.savepoints, [&](auto& savepoint) { return savepoint.name == command.name; });
      target.savepoints.push_back({command.name, target.pending.size()});
    }
    break;
  case operation::show_warnings:
    out.has_rows = true;
    out.columns = 3;
    break;
  case operation::ask_tables:
  case operation::ask_functions:
    out.has_rows = true;
    out.columns = 2;
    out.rows = {{"", "YES"}};
    if (!command.name.empty())
      out.rows.push_back({command.name, "NO"});
    break;
  case operation::rollback_to:
  case operation::release:
  case operation::nothing:
    break;
  case operation::wrong:
  case operation::odd:
  case operation::invalid:
  case operation::unknown:
    log_.object("the server gets a statement that the model does not know");
    break;
  }
}

void model_server::reset(session& target) {
  if (plan_.with.errors && random_.one_in(100)) {
    target.reply.error = server_error{1105, "HY000", "Unknown error"};
    return;
  }
  roll_back(target);
  target.changed_by = {};
  target.has_isolation = false;
  target.touched = false;
  target.read_only = false;
}

// -- effects ---------------------------------------------------------------------

void model_server::write(session& target, const command& command) {
  effect change{command.mark, command.op, command.row};
  if (command.op == operation::note) {
    make_lasting(change);
    target.keeps_something |= target.in_transaction;
  } else if (target.in_transaction && command.op != operation::define) {
    target.pending.push_back(change);
    if (command.op == operation::insert_key)
      keys_.insert(command.row); // Its lock keeps all others away.
    if (command.op == operation::insert)
      entries_.insert(static_cast<uint32_t>(command.mark));
  } else {
    make_lasting(change);
  }
}

void model_server::make_lasting(const effect& change) {
  auto& record = marks_[change.mark];
  ++record.committed;
  record.last_committed = time_.now();
  if (change.op == operation::insert_key)
    keys_.insert(change.row);
  if (change.op == operation::insert)
    entries_.insert(static_cast<uint32_t>(change.mark));
}

void model_server::commit(session& target) {
  for (auto& change : std::exchange(target.pending, {}))
    make_lasting(change);
  target.in_transaction = false;
  target.read_only = false;
  target.keeps_something = false;
  target.transaction_of = {};
  target.savepoints.clear();
  release_locks(target);
}

void model_server::roll_back(session& target) {
  for (auto& change : std::exchange(target.pending, {})) {
    if (change.op == operation::insert_key)
      keys_.erase(change.row);
    if (change.op == operation::insert)
      entries_.erase(static_cast<uint32_t>(change.mark));
  }
  commit(target);
}

void model_server::release_locks(session& target) {
  for (auto id : locks_.release(target.id))
    work_on_step(at(id));
}

bool model_server::find_savepoint(session& target, const command& command, bool remove_it) {
  auto i = std::ranges::find(target.savepoints, command.name, &mark_in_transaction::name);
  if (i == target.savepoints.end())
    return false;
  // Those that were set later go with it.
  if (!remove_it) {
    for (; target.pending.size() > i->effects; target.pending.pop_back()) {
      auto& change = target.pending.back();
      if (change.op == operation::insert_key)
        keys_.erase(change.row);
      if (change.op == operation::insert)
        entries_.erase(static_cast<uint32_t>(change.mark));
    }
    ++i;
  }
  target.savepoints.erase(i, target.savepoints.end());
  return true;
}

// -- who uses a session ----------------------------------------------------------

/// A statement of a caller is about to run: no use of a session must be visible to another.
void model_server::check_use(session& target, const command& command) {
  auto& record = marks_[command.mark];
  auto use = record.use;
  record.first_begun = std::min(record.first_begun, time_.now());
  auto name_of_use = [](use_id use_of_session) {
    return "use " + std::to_string(static_cast<uint32_t>(use_of_session));
  };
  auto in_session = " in " + name_of(target);
  if (target.changed_by != use_id{} && target.changed_by != use)
    log_.object(name_of_use(use) + " finds what " + name_of_use(target.changed_by) + " has changed" + in_session);
  if (target.evicted_by != use_id{} && target.evicted_by != use)
    log_.object(name_of_use(use) + " gets a connection that was excluded from reuse" + in_session);
  if (target.in_transaction && target.transaction_of != use_id{} && target.transaction_of != use)
    log_.object(name_of_use(use) + " runs in the transaction of " + name_of_use(target.transaction_of) + in_session);
  if (target.in_transaction)
    target.transaction_of = use;
  else if (target.has_isolation && !record.exclusive)
    log_.object(name_of_use(use) + " finds an isolation level that was meant for a transaction" + in_session);
  if (target.last_use != use && target.last_use != use_id{})
    target.past_uses.insert(static_cast<uint32_t>(target.last_use));
  target.last_use = use;
  if (!record.exclusive)
    return;
  if (target.past_uses.contains(static_cast<uint32_t>(use)))
    log_.object(name_of_use(use) + ", a session, goes on after another use" + in_session);
  auto [i, is_new] = session_of_use_.try_emplace(static_cast<uint32_t>(use), target.id);
  if (i->second != target.id)
    log_.object(name_of_use(use) + ", a session, goes on" + in_session + " though it has been in "
                + std::to_string(static_cast<uint32_t>(i->second)));
}

} // namespace cenote::simulation
