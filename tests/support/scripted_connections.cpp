#include "support/scripted_connections.hpp"

#include <caf/action.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <new>
#include <stdexcept>

namespace cenote::test {

namespace {

std::string to_text(liveness_check check) {
  switch (check) {
  case liveness_check::none:
    return "unchecked";
  case liveness_check::peek:
    return "peek";
  case liveness_check::ping:
    return "ping";
  }
  return "invalid";
}

} // namespace

/// One connection from the pool's view, from the attempt to open it on.
struct scripted_connections::seat {
  internal_pool_actor pool;
  connection_actor handle;
  grant given;
  caf::strong_actor_ptr caller; ///< Of that.
  std::optional<caf::typed_response_promise<result>> promise;

  caf::typed_response_promise<result> take() {
    if (!promise)
      throw std::runtime_error{"the connection has nothing to answer"};
    auto result = std::move(*promise);
    promise.reset();
    return result;
  }
};

struct scripted_connections::shared {
  std::string heard;
  std::map<uint64_t, seat> seats;
  bool slow = false;
  size_t opens_that_throw = 0;
  bool endpoint_throws = false;

  void hear(const std::string& event) { heard += (heard.empty() ? "" : ", ") + event; }
};

struct scripted_connections::state {
  using pointer = connection_actor::stateful_pointer<state>;

  static inline const char* name = "scripted-connection";

  state(pointer this_actor, std::shared_ptr<shared> with, uint64_t number)
      : self{this_actor}, script{std::move(with)}, id{number} {
    // nop
  }

  // As in a real connection, what was not answered fails.
  ~state() { script->seats.at(id).promise.reset(); }

  connection_actor::behavior_type make_behavior() {
    return {
        [this](execute_atom, grant& granted, caf::strong_actor_ptr& caller) -> caf::result<result> {
          script->hear("run " + std::get<statement>(granted.request.work).sql + " on " + std::to_string(id) + " ("
                       + to_text(granted.check) + ")");
          auto& mine = script->seats.at(id);
          mine.given = std::move(granted);
          mine.caller = std::move(caller);
          return mine.promise.emplace(self->make_response_promise<result>());
        },
        [](execute_atom, session_command&) { return caf::result<result>{result{}}; },
        [](requeue_atom) {
          // nop: each statement has its connection alone.
        },
        [](checkin_atom, session_id) {
          // nop: sessions are tested with real connections.
        },
        [](handover_atom, session_id, const caf::strong_actor_ptr&) {
          // nop
        },
        [](evict_atom, session_id) {
          // nop
        },
        [](kill_atom, session_id) {
          // nop
        },
        [](details_atom) { return connection_report{}; },
        [](check_caller_atom) {
          // nop: its callers do not end unless a test ends them.
        },
        [this](ping_atom) { script->hear("ping " + std::to_string(id)); },
        [this](close_atom) { close(); },
        [](ready_atom, bool, bool) {
          // nop: there is no socket.
        },
    };
  }

  void close() {
    script->hear("close " + std::to_string(id));
    if (auto& mine = script->seats.at(id); mine.promise)
      mine.take().deliver(make_error(make_failure(errc::connection_lost, outcome::unknown, "cut")));
    if (!script->slow)
      self->quit();
  }

  pointer self;
  std::shared_ptr<shared> script;
  uint64_t id;
};

class scripted_connections::factory_impl : public connection_factory {
public:
  explicit factory_impl(std::shared_ptr<shared> with) : script_{std::move(with)} {
    // nop
  }

  size_t servers() const override { return 1; }

  void open(connection_id id, size_t, const internal_pool_actor& pool, const metrics::operation_metrics_ptr&) override {
    auto number = static_cast<uint64_t>(id);
    script_->hear("open " + std::to_string(number));
    script_->seats[number].pool = pool;
    if (script_->opens_that_throw > 0) {
      --script_->opens_that_throw;
      throw std::bad_alloc{};
    }
  }

  std::string endpoint() const override {
    if (std::exchange(script_->endpoint_throws, false))
      throw std::bad_alloc{};
    return "scripted:3306/test";
  }

private:
  std::shared_ptr<shared> script_;
};

scripted_connections::scripted_connections(virtual_time& time) : time_{time}, shared_{std::make_shared<shared>()} {
  // nop
}

std::unique_ptr<connection_factory> scripted_connections::factory() {
  return std::make_unique<factory_impl>(shared_);
}

std::string scripted_connections::heard() {
  return std::exchange(shared_->heard, {});
}

const grant& scripted_connections::granted(uint64_t id) const {
  return at(id).given;
}

// -- connects ----------------------------------------------------------------------

void scripted_connections::succeed(uint64_t id) {
  auto& mine = at(id);
  mine.handle = time_.own(time_.sys.spawn<connection_actor::stateful_impl<state>>(shared_, id));
  opened news;
  news.connection = mine.handle;
  news.server_connection_id = 100 + id;
  news.server_version = "11.4";
  time_.tell(mine.pool, opened_atom_v, connection_id{id}, std::move(news));
}

void scripted_connections::refuse(uint64_t id, errc code, const std::string& text) {
  auto effect = code == errc::login_refused ? outcome::rejected : outcome::unavailable;
  time_.tell(at(id).pool, open_failed_atom_v, connection_id{id}, make_failure(code, effect, text));
}

void scripted_connections::throw_at_open(size_t times) {
  shared_->opens_that_throw = times;
}

void scripted_connections::throw_at_endpoint() {
  shared_->endpoint_throws = true;
}

// -- statements --------------------------------------------------------------------

void scripted_connections::answer(uint64_t id, result reply) {
  only_answer(id, std::move(reply));
  report(id, disposition::reusable);
}

void scripted_connections::answer(uint64_t id, failure reason, disposition after) {
  act(id, [reason](seat& mine) { mine.take().deliver(make_error(reason)); });
  report(id, after, reason.text);
}

void scripted_connections::only_answer(uint64_t id, result reply) {
  act(id, [reply](seat& mine) { mine.take().deliver(reply); });
}

void scripted_connections::hand_back(uint64_t id, const std::string& reason) {
  act(id, [id, reason](seat& mine) {
    mine.take().delegate(mine.pool, returned_atom_v, connection_id{id}, mine.given, mine.caller, reason);
  });
}

void scripted_connections::hand_back_in_doubt(uint64_t id) {
  act(id, [](seat& mine) { mine.given.request.maybe_executed = true; });
  hand_back(id, "given up");
}

void scripted_connections::report(uint64_t id, disposition after, const std::string& reason) {
  time_.tell(at(id).pool, released_atom_v, connection_id{id}, released{after, reason, 1});
}

void scripted_connections::die(uint64_t id) {
  time_.kill(caf::actor_cast<caf::actor>(at(id).handle));
}

void scripted_connections::close_slowly() {
  shared_->slow = true;
}

scripted_connections::seat& scripted_connections::at(uint64_t id) const {
  auto i = shared_->seats.find(id);
  if (i == shared_->seats.end())
    throw std::runtime_error{"the pool has not opened a connection " + std::to_string(id)};
  return i->second;
}

/// Runs `action` in the connection's actor, because promises may be used only there.
void scripted_connections::act(uint64_t id, std::function<void(seat&)> action) {
  auto& mine = at(id);
  auto run = caf::make_action([script = shared_, id, action = std::move(action)] { action(script->seats.at(id)); });
  time_.tell(caf::actor_cast<caf::actor>(mine.handle), std::move(run));
}

} // namespace cenote::test
