#include "simulation/session_story.hpp"

#include "simulation/caller.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace cenote::simulation {

using namespace std::chrono_literals;

using action = session_command::action;

session_story::session_story(world& all, simulated_pool& pool, caller_id holder, uint64_t seed, uint32_t row)
    : all_{all},
      pool_{pool},
      first_holder_{holder},
      holder_{holder},
      random_{seed},
      row_{row},
      use_{all.marks.new_use()} {
  hurries_ = random_.one_in(4);
  hands_over_ = random_.one_in(6);
  write_script();
}

uint32_t session_story::row() {
  return all_.how.with.collisions ? static_cast<uint32_t>(random_.below(all_.how.rows)) : row_;
}

void session_story::write_script() {
  constexpr auto usual = std::to_array({operation::add, operation::add, operation::set, operation::insert,
                                        operation::insert_key, operation::read, operation::lock});
  constexpr auto rare =
      std::to_array({operation::note, operation::set_variable, operation::set_mode, operation::touch,
                     operation::restart, operation::define, operation::wrong, operation::odd, operation::invalid});
  auto add = [this](action what, std::string savepoint = {}) {
    steps_.push_back({what, {}, {}, std::move(savepoint), random_.one_in(2) ? 0ns : random_limit(all_, random_)});
  };
  auto execute = [&] {
    auto what = random_.one_in(8) ? rare[random_.below(rare.size())] : usual[random_.below(usual.size())];
    if (!all_.how.with.errors && (what == operation::wrong || what == operation::odd || what == operation::invalid))
      what = operation::read;
    add(action::execute);
    steps_.back().text = what;
    steps_.back().mark = all_.marks.add(use_, true, false);
  };
  for (auto parts = random_.between(1, 3); parts > 0; --parts) {
    auto statements = random_.below(5);
    if (random_.one_in(4)) { // Outside of a transaction.
      for (; statements > 0; --statements)
        execute();
      continue;
    }
    add(action::begin);
    std::string set;
    for (; statements > 0; --statements) {
      execute();
      if (random_.one_in(6)) {
        set = random_.one_in(2) ? "a" : "b";
        add(action::savepoint, set);
      } else if (!set.empty() && random_.one_in(4)) {
        add(action::rollback_to, set);
      }
    }
    if (random_.one_in(4))
      add(action::rollback);
    else if (!random_.one_in(8)) // Some forget to end it.
      add(action::commit);
  }
}

void session_story::start(std::function<void(session_id)> then) {
  then_ = std::move(then);
  session_options how;
  how.owner = "somebody";
  how.time_limit = time_limit_ = random_limit(all_, random_);
  how.acquire_timeout = random_limit(all_, random_);
  how.unclaimed_timeout = random_.one_in(6) ? random_.up_to(20ms) : 0ns;
  auto late = std::min(how.time_limit, how.acquire_timeout) < 0ns;
  auto timeout = later(all_.now(), all_.how.rules.timeout);
  expectation told;
  told.what = "a session";
  told.caller = holder_;
  told.due = late ? all_.now() : std::min(timeout, deadline_after(all_.now(), how.acquire_timeout));
  told.then = [this](const content& x) { checked_out(x); };
  auto to = all_.books.expect(std::move(told));
  pool_.send(holder_, [this, how, to, who = holder_] { pool_.accept(how, to, who); });
}

void session_story::checked_out(const content& x) {
  auto id = std::get_if<session_id>(&x);
  if (id == nullptr) {
    steps_.clear();
    then_({});
    return;
  }
  session_ = *id;
  until_ = deadline_after(all_.now(), time_limit_);
  if (random_.one_in(12)) { // It is never used, or late.
    all_.time.after(random_.up_to(400ms), [this] {
      if (all_.people.has_ended(holder_))
        return;
      if (random_.one_in(2))
        steps_.clear();
      go_on();
    });
    return;
  }
  go_on();
}

/// Asks for what comes next, or for all at once.
void session_story::go_on() {
  if (lost_)
    steps_.resize(next_);
  if (hands_over_ && next_ > steps_.size() / 2 && open_ == 0) {
    hands_over_ = false;
    hand_over();
    return;
  }
  while (next_ < steps_.size()) {
    ask(next_++);
    if (!hurries_)
      return;
  }
  if (open_ == 0)
    leave();
  else if (hurries_ && random_.one_in(4))
    leave(); // What was asked for before is done all the same.
}

void session_story::ask(size_t i) {
  auto& x = steps_[i];
  session_command what;
  what.session = session_;
  what.kind = x.what;
  what.savepoint = x.savepoint;
  if (x.what == action::execute)
    what.text = statement_for(x.text, x.mark, row());
  if (x.what == action::begin && random_.one_in(6))
    what.options.level = isolation::read_committed;
  what.text.timeout = x.what == action::execute ? x.timeout : 0ns;
  expectation told;
  if (all_.log.enabled()) {
    constexpr auto names =
        std::to_array<const char*>({"execute", "begin", "commit", "rollback", "savepoint", "rollback to"});
    told.what = "session " + std::to_string(static_cast<uint64_t>(session_)) + ": ";
    told.what += x.what == action::execute ? to_string(parse(what.text)) : names[static_cast<size_t>(x.what)];
  }
  told.caller = holder_;
  told.due = deadline_after(all_.now(), what.text.timeout);
  told.then = [this, i](const content& came) { answered(i, came); };
  ++open_;
  auto to = all_.books.expect(std::move(told));
  pool_.send(holder_,
             [this, y = std::move(what), to, who = holder_]() mutable { pool_.command(std::move(y), to, who); });
}

void session_story::answered(size_t i, const content& x) {
  --open_;
  steps_[i].came = x;
  if (auto rows = std::get_if<result>(&x); rows != nullptr && steps_[i].what == action::execute)
    check_answer(all_, *rows, steps_[i].mark);
  if (!std::holds_alternative<failure>(x) && until_ != time_point::max() && all_.now() > until_ + 10ms)
    all_.log.object("a session is used after its time limit");
  if (closed_)
    return;
  react_to(steps_[i]);
  if (!hurries_ || (open_ == 0 && next_ == steps_.size()))
    go_on();
}

/// What a careful holder does about a failure.
void session_story::react_to(const session_step& x) {
  auto why = std::get_if<failure>(&*x.came);
  if (why == nullptr)
    return;
  if (why->code == errc::session_ended || why->code == errc::connection_lost || why->code == errc::pool_gone)
    lost_ = true;
  auto ends_it = x.what == action::begin || why->code == errc::deadlock || why->code == errc::transaction_ended;
  if (ends_it && !hurries_ && !lost_ && random_.one_in(2)) {
    steps_.resize(next_);
    steps_.push_back({action::rollback, {}, {}, {}, 0ns});
  }
}

// -- its end, and other holders --------------------------------------------------------

void session_story::hand_over() {
  auto to = all_.people.add();
  auto from = std::exchange(holder_, to);
  expectation told;
  told.what = "to hand the session over to " + name_of(to);
  told.caller = from;
  told.due = all_.now() + all_.how.connect_timeout;
  told.then = [this, from](const content& x) {
    if (std::holds_alternative<failure>(x))
      lost_ = true;
    else if (all_.how.with.latecomers && random_.one_in(2))
      come_late();
    go_on();
  };
  auto answer_to = all_.books.expect(std::move(told));
  pool_.send(from, [this, id = session_, to, answer_to, from] { pool_.hand_over(id, to, answer_to, from); });
}

/// The former holder is not heard any more.
void session_story::come_late() {
  auto mark = all_.marks.add(all_.marks.new_use(), true, false);
  session_command what;
  what.session = session_;
  what.text = statement_for(operation::add, mark, row_);
  expectation told;
  told.what = "a statement of one who has handed the session over";
  told.caller = first_holder_;
  told.due = all_.now();
  told.then = [this, mark](const content& x) {
    if (!std::holds_alternative<failure>(x))
      all_.log.object("a session that was handed over is used by its former holder");
    all_.books.claim_that({ledger::claim_kind::absent, {mark}, "it had handed the session over", all_.now()});
  };
  auto to = all_.books.expect(std::move(told));
  pool_.send(first_holder_,
             [this, x = std::move(what), to, who = first_holder_]() mutable { pool_.command(std::move(x), to, who); });
}

void session_story::leave() {
  if (std::exchange(closed_, true))
    return;
  if (random_.one_in(10)) {
    expectation told;
    told.what = "that its connection is not used again";
    told.caller = holder_;
    told.then = [this](const content& x) {
      if (!std::holds_alternative<failure>(x))
        all_.server.evict(use_);
    };
    auto to = all_.books.expect(std::move(told));
    pool_.send(holder_, [this, id = session_, to, who = holder_] { pool_.evict(id, to, who); });
  }
  all_.log.step(name_of(holder_), "checks its session in");
  pool_.send(holder_, [this, id = session_, who = holder_] { pool_.check_in(id, who); });
  then_(holder_ == first_holder_ ? session_ : session_id{});
}

void session_story::holder_dies() {
  closed_ = true;
  if (holder_ != first_holder_) // It may be waiting for the answer to its handover, which comes no more.
    all_.people.end(holder_);
}

void session_story::close_books() {
  steps_.resize(std::min(next_, steps_.size())); // The others were never asked for.
  claim_effects(all_.books, steps_, all_.now());
}

} // namespace cenote::simulation
