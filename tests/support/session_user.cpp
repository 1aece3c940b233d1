#include "support/session_user.hpp"

#include <caf/send.hpp>

#include <deque>
#include <mutex>

namespace cenote::test {

/// What the actor has to do; a message only tells that there is more of it.
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
  self_ = sys.spawn([all = shared_](caf::event_based_actor* self) -> caf::behavior {
    return {[self, all](caf::ok_atom) { all->next()(self); }};
  });
}

session_user::~session_user() {
  end();
}

void session_user::perform(work what) {
  {
    std::lock_guard guard{shared_->mutex};
    shared_->todo.push_back(std::move(what));
  }
  caf::anon_send(self_, caf::ok_atom_v);
}

awaited<session_id> session_user::ask_checkout(session_options how) {
  return request<session_id>(checkout_atom_v, std::move(how));
}

session_id session_user::checkout(session_options how) {
  auto came = ask_checkout(std::move(how)).get();
  if (!came)
    throw std::runtime_error{"no session: " + to_string(came.error())};
  return *came;
}

awaited<void> session_user::ask_checkin(session_id id) {
  return request<void>(checkin_atom_v, id);
}

awaited<result> session_user::ask(session_id id, statement what) {
  return request<result>(execute_atom_v, id, std::move(what));
}

result session_user::must(session_id id, statement what) {
  auto came = run(id, what);
  if (!came)
    throw std::runtime_error{what.sql.substr(0, 200) + ": " + to_string(came.error())};
  return std::move(*came);
}

awaited<void> session_user::ask_begin(session_id id, transaction_options how) {
  return request<void>(begin_atom_v, id, how);
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

done session_user::hand_over(session_id id, const session_user& to) {
  return request<void>(handover_atom_v, id, to.handle()).get();
}

done session_user::evict(session_id id) {
  return request<void>(evict_atom_v, id).get();
}

void session_user::end() {
  caf::anon_send_exit(self_, caf::exit_reason::user_shutdown);
}

} // namespace cenote::test
