#include "support/scripted_pool.hpp"

#include <caf/action.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <deque>
#include <stdexcept>

namespace cenote::test {

struct scripted_pool::shared {
  std::string heard;
  statement last;
  std::deque<caf::typed_response_promise<result>> open;
  std::deque<caf::typed_response_promise<std::vector<result>>> transactions;

  void hear(const std::string& event) { heard += (heard.empty() ? "" : ", ") + event; }

  caf::typed_response_promise<result> next() {
    if (open.empty())
      throw std::runtime_error{"no request waits for an answer"};
    auto result = std::move(open.front());
    open.pop_front();
    return result;
  }
};

struct scripted_pool::state {
  static inline const char* name = "scripted-pool";

  state(pool_actor::stateful_pointer<state> this_actor, std::shared_ptr<shared> with)
      : self{this_actor}, script{std::move(with)} {
    // nop
  }

  // As in a real pool, what was not answered fails.
  ~state() {
    script->open.clear();
    script->transactions.clear();
  }

  pool_actor::behavior_type make_behavior() {
    return {
        [this](execute_atom, statement& query) -> caf::result<result> {
          script->hear("execute " + query.sql);
          script->last = std::move(query);
          return script->open.emplace_back(self->make_response_promise<result>());
        },
        [this](execute_atom, statement& query, const caf::strong_actor_ptr&) -> caf::result<result> {
          script->hear("execute " + query.sql);
          script->last = std::move(query);
          return script->open.emplace_back(self->make_response_promise<result>());
        },
        [this](transact_atom, transaction& request) { return transact(request); },
        [this](transact_atom, transaction& request, const caf::strong_actor_ptr&) { return transact(request); },
        [this](checkout_atom, const session_options&) { return checkout(); },
        [this](checkout_atom, const session_options&, const caf::strong_actor_ptr&) { return checkout(); },
        [this](checkin_atom, session_id) { script->hear("checkin"); },
        [this](execute_atom, session_id, statement& query) -> caf::result<result> {
          script->hear("execute " + query.sql + " in session");
          return script->open.emplace_back(self->make_response_promise<result>());
        },
        [this](begin_atom, session_id, const transaction_options&) { script->hear("begin"); },
        [this](commit_atom, session_id) { script->hear("commit"); },
        [this](rollback_atom, session_id) { script->hear("rollback"); },
        [this](savepoint_atom, session_id, const std::string& savepoint) { script->hear("savepoint " + savepoint); },
        [this](rollback_atom, session_id, const std::string& savepoint) { script->hear("rollback to " + savepoint); },
        [this](handover_atom, session_id, const caf::strong_actor_ptr&) { script->hear("handover"); },
        [this](evict_atom, session_id) { script->hear("evict"); },
        [this](settings_atom) {
          script->hear("settings");
          effective_settings out;
          out.pool.name = "scripted";
          return out;
        },
        [this](reconfigure_atom, const settings_update&) { script->hear("reconfigure"); },
        [this](details_atom) {
          script->hear("details");
          return pool_details{};
        },
        [this](statements_atom) {
          script->hear("statements");
          return std::vector<statement_summary>{};
        },
        [this](kill_atom, session_id) { script->hear("kill"); },
        [this](pause_atom) { script->hear("pause"); },
        [this](resume_atom) { script->hear("resume"); },
        [this](subscribe_atom) { script->hear("subscribe"); },
        [this](unsubscribe_atom) { script->hear("unsubscribe"); },
        [this](subscribe_atom, const caf::strong_actor_ptr&) { script->hear("subscribe"); },
        [this](unsubscribe_atom, const caf::strong_actor_ptr&) { script->hear("unsubscribe"); },
        [this](verify_atom) {
          script->hear("verify");
          return verification{"11.4", 7, std::chrono::milliseconds{3}};
        },
        [this](status_atom) {
          script->hear("status");
          pool_status numbers;
          numbers.pool = "scripted";
          return numbers;
        },
        [this](dispose_atom) { script->hear("dispose"); },
        [this](drain_atom, caf::timespan limit) {
          script->hear("drain " + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(limit).count())
                       + " s");
          return drain_report{3, 1};
        },
    };
  }

  caf::result<std::vector<result>> transact(const transaction& request) {
    std::string text = "transact";
    for (auto& part : request.statements)
      text += " [" + part.sql + "]";
    script->hear(text);
    return script->transactions.emplace_back(self->make_response_promise<std::vector<result>>());
  }

  session_id checkout() {
    script->hear("checkout");
    return session_id{1};
  }

  pool_actor::stateful_pointer<state> self;
  std::shared_ptr<shared> script;
};

scripted_pool::scripted_pool(virtual_time& time)
    : time_{time},
      shared_{std::make_shared<shared>()},
      handle_{time.own(time.sys.spawn<pool_actor::stateful_impl<state>>(shared_))} {
  // nop
}

std::string scripted_pool::heard() {
  return std::exchange(shared_->heard, {});
}

const statement& scripted_pool::last() const {
  return shared_->last;
}

size_t scripted_pool::open() const {
  return shared_->open.size();
}

void scripted_pool::answer(result reply) {
  act([reply](shared& script) { script.next().deliver(reply); });
}

void scripted_pool::answer(failure reason) {
  act([reason](shared& script) { script.next().deliver(make_error(reason)); });
}

void scripted_pool::end() {
  act([self = caf::actor_cast<caf::actor>(handle_)](shared& script) {
    while (!script.open.empty())
      script.next().deliver(make_error(make_failure(errc::shutting_down, outcome::unavailable, "shutting down")));
    // Not by a message: between the answers and its end no other actor gets a turn.
    caf::actor_cast<caf::scheduled_actor*>(self)->quit();
  });
}

void scripted_pool::crash() {
  time_.kill(caf::actor_cast<caf::actor>(handle_));
}

/// Runs `action` in the actor, because promises may be used only there.
void scripted_pool::act(std::function<void(shared&)> action) {
  auto run = caf::make_action([script = shared_, action = std::move(action)] { action(*script); });
  time_.tell(caf::actor_cast<caf::actor>(handle_), std::move(run));
}

} // namespace cenote::test
