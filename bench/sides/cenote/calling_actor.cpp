#include "calling_actor.hpp"

#include "answers.hpp"

#include "cenote/error.hpp"

#include <vector>

namespace cenote::bench {

calling_state::calling_state(caf::event_based_actor* ptr, pool_actor target, caller* loop, workload load,
                             double slow_share, std::latch* all_ended)
    : self_{ptr},
      pool_{std::move(target)},
      log_{loop},
      workload_{load},
      slow_{slow_share},
      random_{std::random_device{}()},
      ended_{all_ended} {
  // nop
}

calling_state::~calling_state() {
  ended_->count_down();
}

caf::behavior calling_state::make_behavior() {
  ask();
  // Keeps the actor alive while it waits for answers, and asks again after a pause.
  return {[this](caf::unit_t) { ask(); }};
}

void calling_state::ask() {
  if (slow_(random_))
    return ask_slow();
  if (!log_->next())
    return self_->quit();
  switch (workload_) {
  case workload::point:
  case workload::recovery:
    return read_row();
  case workload::transaction:
    return transact();
  case workload::large:
    return read_large();
  case workload::checkout:
    return check_out();
  }
}

void calling_state::ask_slow() {
  request(execute_atom_v, read("SELECT SLEEP(0.1)"))
      .then([this](const result&) { ask(); }, [this](const caf::error& error) { failed(error); });
}

void calling_state::read_row() {
  request(execute_atom_v, select_point(*log_))
      .then(noting<result>([this](const result& rows) { log_->answered(copy(rows)); }),
            [this](const caf::error& error) { failed(error); });
}

void calling_state::transact() {
  request(transact_atom_v, book_entry(*log_))
      .then(noting<std::vector<result>>([this](const std::vector<result>& results) {
              log_->answered(results.at(0).affected_rows(), results.at(1).affected_rows());
            }),
            [this](const caf::error& error) { failed(error); });
}

void calling_state::read_large() {
  request(execute_atom_v, select_large())
      .then(noting<result>([this](const result& rows) { log_->answered(copy_all(rows)); }),
            [this](const caf::error& error) { failed(error); });
}

void calling_state::check_out() {
  request(checkout_atom_v, session_options{})
      .then([this](session_id id) { check_in(id); }, [this](const caf::error& error) { failed(error); });
}

void calling_state::check_in(session_id id) {
  request(checkin_atom_v, id)
      .then(
          [this] {
            log_->answered();
            ask();
          },
          [this](const caf::error& error) { failed(error); });
}

void calling_state::failed(const caf::error& error) {
  log_->failed(describe(error));
  if (log_->recovers())
    self_->delayed_send(self_, pause_after_error, caf::unit);
  else
    self_->quit();
}

} // namespace cenote::bench
