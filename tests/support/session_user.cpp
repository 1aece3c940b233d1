#include "support/session_user.hpp"

#include <caf/send.hpp>

#include <deque>
#include <mutex>

namespace cenote::test {

/// The work of the actor; a message only tells it that there is more.
struct session_user::shared {
  std::mutex mutex;
  std::deque<work> todo; ///< Guarded by `mutex`.

  work next() {
    std::lock_guard guard{mutex};
    auto result = std::move(todo.front());
    todo.pop_front();
    return result;
  }
};

session_user::session_user(caf::actor_system& sys, pool_actor pool)
    : pool_{std::move(pool)}, shared_{std::make_shared<shared>()} {
  self_ = sys.spawn([common = shared_](caf::event_based_actor* self) -> caf::behavior {
    return {[self, common](caf::ok_atom) { common->next()(self); }};
  });
}

session_user::~session_user() {
  end();
}

void session_user::perform(work step) {
  {
    std::lock_guard guard{shared_->mutex};
    shared_->todo.push_back(std::move(step));
  }
  caf::anon_send(self_, caf::ok_atom_v);
}

awaited<session_id> session_user::ask_checkout(session_options options) {
  return request<session_id>(checkout_atom_v, std::move(options));
}

session_id session_user::checkout(session_options options) {
  auto answered = ask_checkout(std::move(options)).get();
  if (!answered)
    throw std::runtime_error{"no session: " + to_string(answered.error())};
  return *answered;
}

awaited<void> session_user::ask_checkin(session_id id) {
  return request<void>(checkin_atom_v, id);
}

awaited<result> session_user::ask(session_id id, statement query) {
  return request<result>(execute_atom_v, id, std::move(query));
}

result session_user::must(session_id id, statement query) {
  auto answered = run(id, query);
  if (!answered)
    throw std::runtime_error{query.sql.substr(0, 200) + ": " + to_string(answered.error())};
  return std::move(*answered);
}

awaited<void> session_user::ask_begin(session_id id, transaction_options options) {
  return request<void>(begin_atom_v, id, options);
}

awaited<void> session_user::ask_commit(session_id id) {
  return request<void>(commit_atom_v, id);
}

awaited<void> session_user::ask_rollback(session_id id) {
  return request<void>(rollback_atom_v, id);
}

done session_user::savepoint(session_id id, std::string name) {
  return request<void>(savepoint_atom_v, id, std::move(name)).get();
}

done session_user::rollback(session_id id, std::string name) {
  return request<void>(rollback_atom_v, id, std::move(name)).get();
}

done session_user::hand_over(session_id id, const session_user& new_holder) {
  return request<void>(handover_atom_v, id, new_holder.handle()).get();
}

done session_user::evict(session_id id) {
  return request<void>(evict_atom_v, id).get();
}

void session_user::end() {
  caf::anon_send_exit(self_, caf::exit_reason::user_shutdown);
}

} // namespace cenote::test
