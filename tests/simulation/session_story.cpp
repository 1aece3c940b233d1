#include "simulation/session_story.hpp"

#include "simulation/caller.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace cenote::simulation {

using namespace std::chrono_literals;

using action = session_command::action;

session_story::session_story(world& world, simulated_pool& pool, caller_id holder, uint64_t seed, uint32_t row)
    : world_{world},
      pool_{pool},
      first_holder_{holder},
      holder_{holder},
      random_{seed},
      row_{row},
      use_{world.marks.new_use()} {
  hurries_ = random_.one_in(4);
  hands_over_ = random_.one_in(6);
  write_script();
}

uint32_t session_story::row() {
  return world_.run_plan.with.collisions ? static_cast<uint32_t>(random_.below(world_.run_plan.rows)) : row_;
}

void session_story::write_script() {
  constexpr auto usual = std::to_array({operation::add, operation::add, operation::set, operation::insert,
                                        operation::insert_key, operation::read, operation::lock});
  constexpr auto rare =
      std::to_array({operation::note, operation::set_variable, operation::set_mode, operation::touch,
                     operation::restart, operation::define, operation::wrong, operation::odd, operation::invalid});
  auto add = [this](action kind, std::string savepoint = {}) {
    steps_.push_back({kind, {}, {}, std::move(savepoint), random_.one_in(2) ? 0ns : random_limit(world_, random_)});
  };
  auto execute = [&] {
    auto op = random_.one_in(8) ? rare[random_.below(rare.size())] : usual[random_.below(usual.size())];
    if (!world_.run_plan.with.errors && (op == operation::wrong || op == operation::odd || op == operation::invalid))
      op = operation::read;
    add(action::execute);
    steps_.back().op = op;
    steps_.back().mark = world_.marks.add(use_, true, false);
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
  session_options options;
  options.owner = "somebody";
  options.time_limit = time_limit_ = random_limit(world_, random_);
  options.acquire_timeout = random_limit(world_, random_);
  options.unclaimed_timeout = random_.one_in(6) ? random_.up_to(20ms) : 0ns;
  auto late = std::min(options.time_limit, options.acquire_timeout) < 0ns;
  auto timeout = later(world_.now(), world_.run_plan.rules.timeout);
  expectation expected;
  expected.description = "a session";
  expected.caller = holder_;
  expected.due = late ? world_.now() : std::min(timeout, deadline_after(world_.now(), options.acquire_timeout));
  expected.then = [this](const content& answer) { checked_out(answer); };
  auto answer_to = world_.books.expect(std::move(expected));
  pool_.send(holder_, [this, options, answer_to, caller = holder_] { pool_.accept(options, answer_to, caller); });
}

void session_story::checked_out(const content& answer) {
  auto id = std::get_if<session_id>(&answer);
  if (id == nullptr) {
    steps_.clear();
    then_({});
    return;
  }
  session_ = *id;
  until_ = deadline_after(world_.now(), time_limit_);
  if (random_.one_in(12)) { // It is never used, or late.
    world_.time.after(random_.up_to(400ms), [this] {
      if (world_.people.has_ended(holder_))
        return;
      if (random_.one_in(2))
        steps_.clear();
      go_on();
    });
    return;
  }
  go_on();
}

/// Sends the next request, or all at once.
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
    leave(); // Earlier requests are carried out all the same.
}

void session_story::ask(size_t i) {
  auto& step = steps_[i];
  session_command command;
  command.session = session_;
  command.kind = step.action;
  command.savepoint = step.savepoint;
  if (step.action == action::execute)
    command.text = statement_for(step.op, step.mark, row());
  if (step.action == action::begin && random_.one_in(6))
    command.options.level = isolation::read_committed;
  command.text.timeout = step.action == action::execute ? step.timeout : 0ns;
  expectation expected;
  if (world_.log.enabled()) {
    constexpr auto names =
        std::to_array<const char*>({"execute", "begin", "commit", "rollback", "savepoint", "rollback to"});
    expected.description = "session " + std::to_string(static_cast<uint64_t>(session_)) + ": ";
    expected.description +=
        step.action == action::execute ? to_string(parse(command.text)) : names[static_cast<size_t>(step.action)];
  }
  expected.caller = holder_;
  expected.due = deadline_after(world_.now(), command.text.timeout);
  expected.then = [this, i](const content& answer) { answered(i, answer); };
  ++open_;
  auto answer_to = world_.books.expect(std::move(expected));
  pool_.send(holder_, [this, command = std::move(command), answer_to, caller = holder_]() mutable {
    pool_.command(std::move(command), answer_to, caller);
  });
}

void session_story::answered(size_t i, const content& answer) {
  --open_;
  steps_[i].answer = answer;
  if (auto rows = std::get_if<result>(&answer); rows != nullptr && steps_[i].action == action::execute)
    check_answer(world_, *rows, steps_[i].mark);
  if (!std::holds_alternative<failure>(answer) && until_ != time_point::max() && world_.now() > until_ + 10ms)
    world_.log.object("a session is used after its time limit");
  if (closed_)
    return;
  react_to(steps_[i]);
  if (!hurries_ || (open_ == 0 && next_ == steps_.size()))
    go_on();
}

/// The reaction of a careful holder to a failure.
void session_story::react_to(const session_step& step) {
  auto reason = std::get_if<failure>(&*step.answer);
  if (reason == nullptr)
    return;
  if (reason->code == errc::session_ended || reason->code == errc::connection_lost || reason->code == errc::pool_gone)
    lost_ = true;
  auto ends_it =
      step.action == action::begin || reason->code == errc::deadlock || reason->code == errc::transaction_ended;
  if (ends_it && !hurries_ && !lost_ && random_.one_in(2)) {
    steps_.resize(next_);
    steps_.push_back({action::rollback, {}, {}, {}, 0ns});
  }
}

// -- its end, and other holders --------------------------------------------------------

void session_story::hand_over() {
  auto new_holder = world_.people.add();
  auto former_holder = std::exchange(holder_, new_holder);
  expectation expected;
  expected.description = "to hand the session over to " + name_of(new_holder);
  expected.caller = former_holder;
  expected.due = world_.now() + world_.run_plan.connect_timeout;
  expected.then = [this, former_holder](const content& answer) {
    if (std::holds_alternative<failure>(answer))
      lost_ = true;
    else if (world_.run_plan.with.latecomers && random_.one_in(2))
      come_late();
    go_on();
  };
  auto answer_to = world_.books.expect(std::move(expected));
  pool_.send(former_holder, [this, id = session_, new_holder, answer_to, former_holder] {
    pool_.hand_over(id, new_holder, answer_to, former_holder);
  });
}

/// Requests of the former holder must be refused.
void session_story::come_late() {
  auto mark = world_.marks.add(world_.marks.new_use(), true, false);
  session_command command;
  command.session = session_;
  command.text = statement_for(operation::add, mark, row_);
  expectation expected;
  expected.description = "a statement of one who has handed the session over";
  expected.caller = first_holder_;
  expected.due = world_.now();
  expected.then = [this, mark](const content& answer) {
    if (!std::holds_alternative<failure>(answer))
      world_.log.object("a session that was handed over is used by its former holder");
    world_.books.claim_that({ledger::claim_kind::absent, {mark}, "it had handed the session over", world_.now()});
  };
  auto answer_to = world_.books.expect(std::move(expected));
  pool_.send(first_holder_, [this, command = std::move(command), answer_to, caller = first_holder_]() mutable {
    pool_.command(std::move(command), answer_to, caller);
  });
}

void session_story::leave() {
  if (std::exchange(closed_, true))
    return;
  if (random_.one_in(10)) {
    expectation expected;
    expected.description = "that its connection is not used again";
    expected.caller = holder_;
    expected.then = [this](const content& answer) {
      if (!std::holds_alternative<failure>(answer))
        world_.server.evict(use_);
    };
    auto answer_to = world_.books.expect(std::move(expected));
    pool_.send(holder_, [this, id = session_, answer_to, caller = holder_] { pool_.evict(id, answer_to, caller); });
  }
  world_.log.step(name_of(holder_), "checks its session in");
  pool_.send(holder_, [this, id = session_, caller = holder_] { pool_.check_in(id, caller); });
  then_(holder_ == first_holder_ ? session_ : session_id{});
}

void session_story::holder_dies() {
  closed_ = true;
  if (holder_ != first_holder_) // It may be waiting for the answer to its handover, which does not come any more.
    world_.people.end(holder_);
}

void session_story::close_books() {
  steps_.resize(std::min(next_, steps_.size())); // The others were never requested.
  claim_effects(world_.books, steps_, world_.now());
}

} // namespace cenote::simulation
