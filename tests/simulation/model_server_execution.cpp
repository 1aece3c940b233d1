#include "simulation/model_server.hpp"

#include <algorithm>
#include <utility>

namespace cenote::simulation {

namespace {

constexpr uint8_t counters = 0;
constexpr uint8_t keys = 1;

/// The row that a statement locks, if it does.
std::optional<row_key> locked_by(const command& x) {
  switch (x.what) {
  case operation::lock:
  case operation::set:
  case operation::add:
  case operation::restart:
    return row_key{counters, x.row};
  case operation::insert_key:
    return row_key{keys, x.row};
  default:
    return std::nullopt;
  }
}

} // namespace

// -- steps: a statement, or one of a compound statement ------------------------------

void model_server::begin_step(session& x) {
  auto& what = x.current->commands[x.step];
  if (log_.enabled())
    log_.step(name_of(x), to_string(what));
  if (std::exchange(x.kill_pending, false)) {
    interrupt(x);
    return;
  }
  if (has_stamp(what.what))
    check_use(x, what);
  if (is_write(what.what) && endpoints_[x.endpoint].read_only) {
    refuse(x, 1290, "HY000",
           "The MariaDB server is running with the --read-only option so it cannot execute this statement");
    return;
  }
  if (is_write(what.what) && x.in_transaction && x.read_only) {
    refuse(x, 1792, "25006", "Cannot execute statement in a READ ONLY transaction");
    return;
  }
  auto key = locked_by(what);
  switch (key ? locks_.acquire(x.id, *key) : row_locks::answer::granted) {
  case row_locks::answer::granted:
    work_on_step(x);
    break;
  case row_locks::answer::deadlock:
    roll_back(x);
    refuse(x, 1213, "40001", "Deadlock found when trying to get lock; try restarting transaction");
    break;
  case row_locks::answer::waiting:
    x.waits_for_lock = true;
    time_.after(plan_.lock_wait_timeout, [this, &x, turn = x.turn] {
      if (!x.open || x.turn != turn || !x.waits_for_lock)
        return;
      x.waits_for_lock = false;
      locks_.forget_wait(x.id);
      refuse(x, 1205, "HY000", "Lock wait timeout exceeded; try restarting transaction");
    });
    break;
  }
}

/// It has the locks that it needs.
void model_server::work_on_step(session& x) {
  x.waits_for_lock = false;
  auto turn = ++x.turn;
  auto is_short = !has_stamp(x.current->commands[x.step].what);
  time_.after(is_short ? random_.up_to(plan_.statement_time / 2) : time_for_statement(x), [this, &x, turn] {
    if (x.open && x.turn == turn)
      finish_step(x);
  });
}

void model_server::finish_step(session& x) {
  auto& what = x.current->commands[x.step];
  if (plan_.with.errors && has_stamp(what.what) && random_.one_in(150)) {
    refuse(x, 1030, "HY000", "Got error 168 from storage engine");
    return;
  }
  if (what.what == operation::insert_key && keys_.contains(what.row)) {
    refuse(x, 1062, "23000", "Duplicate entry for key 'PRIMARY'");
    return;
  }
  if (what.what == operation::insert && entries_.contains(static_cast<uint32_t>(what.mark))) {
    refuse(x, 1062, "23000", "Duplicate entry for key 'PRIMARY'");
    return;
  }
  if (what.what == operation::wrong) {
    refuse(x, 1064, "42000", "You have an error in your SQL syntax");
    return;
  }
  if (what.what == operation::odd) {
    refuse(x, 1105, "HY000", "Unknown error");
    return;
  }
  if ((what.what == operation::rollback_to || what.what == operation::release)
      && !find_savepoint(x, what, what.what == operation::release)) {
    refuse(x, 1305, "42000", "SAVEPOINT does not exist");
    return;
  }
  if (what.what == operation::commit && plan_.with.errors && random_.one_in(200)) {
    random_.one_in(2) ? commit(x) : roll_back(x);
    refuse(x, 1180, "HY000", "Got error 28 during COMMIT");
    return;
  }
  result_set out;
  out.mark = what.mark;
  out.row = what.row;
  carry_out(x, what, out);
  if (x.current->what == server_request::kind::statement || has_stamp(what.what))
    x.reply.sets.push_back(std::move(out));
  if (!x.in_transaction)
    release_locks(x);
  if (++x.step < x.current->commands.size())
    begin_step(x);
  else
    answer(x);
}

void model_server::carry_out(session& x, const command& what, result_set& out) {
  auto use = marks_[what.mark].use;
  switch (what.what) {
  case operation::read:
  case operation::lock:
    out.has_rows = true;
    break;
  case operation::set:
  case operation::add:
  case operation::insert:
  case operation::insert_key:
  case operation::note:
    write(x, what);
    break;
  case operation::touch:
    out.has_rows = true;
    x.touched = true;
    x.changed_by = use;
    break;
  case operation::set_variable:
  case operation::set_mode:
    x.changed_by = use;
    break;
  case operation::restart:
    write(x, what);
    commit(x);
    x.in_transaction = true;
    x.transaction_of = use;
    break;
  case operation::define:
    commit(x);
    write(x, what);
    break;
  case operation::begin:
  case operation::begin_read_only:
    commit(x); // As servers do.
    x.in_transaction = true;
    x.read_only = what.what == operation::begin_read_only;
    x.has_isolation = false;
    break;
  case operation::set_isolation:
    x.has_isolation = true;
    break;
  case operation::commit:
    commit(x);
    break;
  case operation::rollback:
    out.warnings = x.keeps_something ? 1 : 0;
    roll_back(x);
    break;
  case operation::savepoint:
    if (x.in_transaction) {
      std::erase_if(x.savepoints, [&](auto& y) { return y.name == what.name; });
      x.savepoints.push_back({what.name, x.pending.size()});
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
    if (!what.name.empty())
      out.rows.push_back({what.name, "NO"});
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

void model_server::reset(session& x) {
  if (plan_.with.errors && random_.one_in(100)) {
    x.reply.error = server_error{1105, "HY000", "Unknown error"};
    return;
  }
  roll_back(x);
  x.changed_by = {};
  x.has_isolation = false;
  x.touched = false;
  x.read_only = false;
}

// -- effects ---------------------------------------------------------------------

void model_server::write(session& x, const command& what) {
  effect done{what.mark, what.what, what.row};
  if (what.what == operation::note) {
    make_lasting(done);
    x.keeps_something |= x.in_transaction;
  } else if (x.in_transaction && what.what != operation::define) {
    x.pending.push_back(done);
    if (what.what == operation::insert_key)
      keys_.insert(what.row); // Its lock keeps all others away.
    if (what.what == operation::insert)
      entries_.insert(static_cast<uint32_t>(what.mark));
  } else {
    make_lasting(done);
  }
}

void model_server::make_lasting(const effect& x) {
  auto& record = marks_[x.mark];
  ++record.committed;
  record.last_committed = time_.now();
  if (x.what == operation::insert_key)
    keys_.insert(x.row);
  if (x.what == operation::insert)
    entries_.insert(static_cast<uint32_t>(x.mark));
}

void model_server::commit(session& x) {
  for (auto& y : std::exchange(x.pending, {}))
    make_lasting(y);
  x.in_transaction = false;
  x.read_only = false;
  x.keeps_something = false;
  x.transaction_of = {};
  x.savepoints.clear();
  release_locks(x);
}

void model_server::roll_back(session& x) {
  for (auto& y : std::exchange(x.pending, {})) {
    if (y.what == operation::insert_key)
      keys_.erase(y.row);
    if (y.what == operation::insert)
      entries_.erase(static_cast<uint32_t>(y.mark));
  }
  commit(x);
}

void model_server::release_locks(session& x) {
  for (auto id : locks_.release(x.id))
    work_on_step(at(id));
}

bool model_server::find_savepoint(session& x, const command& what, bool remove_it) {
  auto i = std::ranges::find(x.savepoints, what.name, &mark_in_transaction::name);
  if (i == x.savepoints.end())
    return false;
  // Those that were set later go with it.
  if (!remove_it) {
    for (; x.pending.size() > i->effects; x.pending.pop_back()) {
      auto& y = x.pending.back();
      if (y.what == operation::insert_key)
        keys_.erase(y.row);
      if (y.what == operation::insert)
        entries_.erase(static_cast<uint32_t>(y.mark));
    }
    ++i;
  }
  x.savepoints.erase(i, x.savepoints.end());
  return true;
}

// -- who uses a session ----------------------------------------------------------

/// A statement of a caller is about to run: nobody's use of a session must show in another's.
void model_server::check_use(session& x, const command& what) {
  auto& record = marks_[what.mark];
  auto use = record.use;
  record.first_begun = std::min(record.first_begun, time_.now());
  auto who = [](use_id y) { return "use " + std::to_string(static_cast<uint32_t>(y)); };
  auto there = " in " + name_of(x);
  if (x.changed_by != use_id{} && x.changed_by != use)
    log_.object(who(use) + " finds what " + who(x.changed_by) + " has changed" + there);
  if (x.evicted_by != use_id{} && x.evicted_by != use)
    log_.object(who(use) + " gets a connection that was not to be used again" + there);
  if (x.in_transaction && x.transaction_of != use_id{} && x.transaction_of != use)
    log_.object(who(use) + " runs in the transaction of " + who(x.transaction_of) + there);
  if (x.in_transaction)
    x.transaction_of = use;
  else if (x.has_isolation && !record.exclusive)
    log_.object(who(use) + " finds an isolation level that was meant for a transaction" + there);
  if (x.last_use != use && x.last_use != use_id{})
    x.past_uses.insert(static_cast<uint32_t>(x.last_use));
  x.last_use = use;
  if (!record.exclusive)
    return;
  if (x.past_uses.contains(static_cast<uint32_t>(use)))
    log_.object(who(use) + ", a session, goes on after another use" + there);
  auto [i, is_new] = session_of_use_.try_emplace(static_cast<uint32_t>(use), x.id);
  if (i->second != x.id)
    log_.object(who(use) + ", a session, goes on" + there + " though it has been in "
                + std::to_string(static_cast<uint32_t>(i->second)));
}

} // namespace cenote::simulation
