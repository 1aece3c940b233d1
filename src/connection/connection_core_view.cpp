// The view of a connection for operators.

#include "connection/connection_core.hpp"
#include "pool/sql_rules.hpp"

#include <string>
#include <string_view>
#include <variant>

namespace cenote {

namespace {

/// The largest part of a statement that is shown, in bytes.
constexpr size_t max_shown = 1024;

std::string shown(std::string_view sql) {
  auto out = pool::without_secrets(sql);
  if (out.size() <= max_shown)
    return out;
  auto end = max_shown;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80)
    --end; // Not within a character.
  out.resize(end);
  return out + "...";
}

std::string shown(const client_request& work) {
  if (work.current().kind != step_kind::compound)
    return shown(work.current().text.sql);
  return "START TRANSACTION; " + shown(work.whole().statements.front().sql) + "; ...";
}

struct activity_of {
  bool has_session = false;

  using result = connection_activity;

  result operator()(const activity::idle&) const { return result::idle; }
  result operator()(const activity::checking&) const { return result::checking; }
  result operator()(const activity::running&) const { return has_session ? result::session : result::in_use; }
  result operator()(const activity::sharing&) const { return result::shared; }
  result operator()(const activity::leased&) const { return result::session; }
  result operator()(const activity::stopping&) const { return result::stopping; }
  result operator()(const activity::pinging&) const { return result::checking; }
  result operator()(const activity::resetting&) const { return result::resetting; }
  result operator()(const activity::gone&) const { return result::closing; }
};

} // namespace

connection_view connection_core::view(time_point now) const {
  connection_view out;
  out.activity = std::visit(activity_of{has_session()}, state_);
  if (session_) {
    out.session = session_->id();
    out.last_statement = shown(session_->last_statement());
    out.in_transaction = link_->has_open_transaction();
  }
  if (auto alone = as<activity::running>()) {
    out.statement = shown(alone->work.content());
    out.running = now - step_began_;
  } else if (shared_.under_way()) {
    out.statement = shown(shared_.first().sql);
    out.running = now - shared_.turn_began();
  }
  return out;
}

} // namespace cenote
