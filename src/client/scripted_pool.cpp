#include "cenote/testing/scripted_pool.hpp"

#include "cenote/error.hpp"

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <charconv>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <type_traits>
#include <unordered_map>

namespace cenote::testing {

namespace {

/// As the server would send it; nothing for NULL.
std::optional<std::string> cell(const value& x) {
  return std::visit(
      []<class T>(const T& y) -> std::optional<std::string> {
        if constexpr (std::is_same_v<T, null>) {
          return std::nullopt;
        } else if constexpr (std::is_same_v<T, double>) {
          char buffer[32];
          return std::string{buffer, std::to_chars(buffer, buffer + sizeof(buffer), y).ptr};
        } else if constexpr (std::is_arithmetic_v<T>) {
          return std::to_string(y);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return y;
        } else if constexpr (std::is_same_v<T, bytes>) {
          return y.data;
        } else if constexpr (std::is_same_v<T, decimal>) {
          return y.digits;
        } else {
          return to_string(y);
        }
      },
      x);
}

column_type type_of(const value& parameter) {
  // In the order of the alternatives of `value`.
  constexpr column_type types[] = {column_type::null,    column_type::integer, column_type::unsigned_integer,
                                   column_type::real,    column_type::text,    column_type::bytes,
                                   column_type::decimal, column_type::date,    column_type::datetime,
                                   column_type::time};
  static_assert(std::size(types) == std::variant_size_v<value>);
  return types[parameter.index()];
}

} // namespace

result table(const std::vector<std::string>& columns, const std::vector<std::vector<value>>& rows) {
  std::vector<column> heads;
  for (auto& name : columns)
    heads.push_back({name, column_type::null});
  for (auto& row : rows) {
    if (row.size() != columns.size())
      throw std::invalid_argument{"a row has " + std::to_string(row.size()) + " values for "
                                  + std::to_string(columns.size()) + " columns"};
    for (size_t i = 0; i < row.size(); ++i) {
      auto type = type_of(row[i]);
      if (heads[i].type == column_type::null)
        heads[i].type = type;
      else if (type != column_type::null && type != heads[i].type)
        throw std::invalid_argument{"the values of column " + columns[i] + " have different types"};
    }
  }
  result_builder out;
  out.columns(std::move(heads));
  for (auto& row : rows)
    for (auto& cell_value : row)
      if (auto text = cell(cell_value))
        out.add(*text);
      else
        out.add_null();
  return out.finish();
}

result changed(uint64_t affected_rows, uint64_t last_insert_id) {
  result_builder out;
  out.effects(affected_rows, last_insert_id, 0);
  return out.finish();
}

// -- the script ------------------------------------------------------------------------

struct scripted_pool::script {
  struct line {
    std::string part;
    std::variant<result, failure> answer;
  };

  std::variant<result, failure> next(statement&& query) {
    std::lock_guard guard{mutex};
    auto fits = !lines.empty() && query.sql.find(lines.front().part) != std::string::npos;
    if (!fits) {
      auto expected = lines.empty() ? "no more statements" : "a statement with \"" + lines.front().part + "\"";
      failure error;
      error.code = errc::invalid_statement;
      error.text = "the script expected " + expected + ", but got: " + query.sql;
      if (problem.empty())
        problem = error.text;
      seen.push_back(std::move(query));
      return error;
    }
    seen.push_back(std::move(query));
    auto out = std::move(lines.front().answer);
    lines.pop_front();
    return out;
  }

  mutable std::mutex mutex;
  std::deque<line> lines; ///< Those that have not been used.
  std::vector<statement> seen;
  std::string problem; ///< The first one.
};

struct scripted_pool::state {
  static inline const char* name = "cenote.scripted-pool";

  state(pool_actor::stateful_pointer<state> this_actor, std::shared_ptr<script> with)
      : self{this_actor}, lines{std::move(with)} {
    // nop
  }

  pool_actor::behavior_type make_behavior() {
    return {
        [this](execute_atom, statement& query) { return execute(query); },
        [this](execute_atom, statement& query, const caf::strong_actor_ptr&) { return execute(query); },
        [this](transact_atom, transaction& request) { return transact(request); },
        [this](transact_atom, transaction& request, const caf::strong_actor_ptr&) { return transact(request); },
        [this](checkout_atom, const session_options&) { return check_out(self->current_sender()); },
        [this](checkout_atom, const session_options&, const caf::strong_actor_ptr& holder) {
          return check_out(holder);
        },
        [this](checkin_atom, session_id id) {
          if (is_holder(id))
            holders.erase(id);
        },
        [this](execute_atom, session_id id, statement& query) -> caf::result<result> {
          if (!is_holder(id))
            return no_such_session();
          return execute(query);
        },
        [this](begin_atom, session_id id, const transaction_options&) { return if_holder(id); },
        [this](commit_atom, session_id id) { return if_holder(id); },
        [this](rollback_atom, session_id id) { return if_holder(id); },
        [this](savepoint_atom, session_id id, const std::string&) { return if_holder(id); },
        [this](rollback_atom, session_id id, const std::string&) { return if_holder(id); },
        [this](handover_atom, session_id id, const caf::strong_actor_ptr& to) -> caf::result<void> {
          if (!is_holder(id))
            return no_such_session();
          holders[id] = caf::actor_cast<caf::actor_addr>(to);
          return caf::unit;
        },
        [this](evict_atom, session_id id) { return if_holder(id); },
        [](verify_atom) {
          return verification{"scripted", 1, {}};
        },
        [](status_atom) {
          pool_status out;
          out.pool = "scripted";
          out.initialized = true;
          out.pool_size = out.checked_in = out.total_connections = out.limit = 1;
          return out;
        },
        [](settings_atom) {
          effective_settings out;
          out.pool.name = out.endpoint = "scripted";
          return out;
        },
        [](reconfigure_atom, const settings_update&) {},
        // It has no connections.
        [](details_atom) { return pool_details{}; },
        [](statements_atom) { return std::vector<statement_summary>{}; },
        [](kill_atom, session_id) {},
        [](dispose_atom) {},
        // It has no connections to withhold, and no events.
        [](pause_atom) {},
        [](resume_atom) {},
        [](subscribe_atom) {},
        [](unsubscribe_atom) {},
        [](subscribe_atom, const caf::strong_actor_ptr&) {},
        [](unsubscribe_atom, const caf::strong_actor_ptr&) {},
        [this](drain_atom, caf::timespan) {
          self->quit();
          return drain_report{};
        },
    };
  }

  caf::result<session_id> check_out(const caf::strong_actor_ptr& holder) {
    if (!holder) {
      failure error;
      error.code = errc::invalid_statement;
      error.text = "a session needs a holder: send checkout from an actor";
      return make_error(std::move(error));
    }
    auto id = session_id{++last_session};
    holders[id] = caf::actor_cast<caf::actor_addr>(holder);
    return id;
  }

  /// Like a real pool, it serves only the holder of a session.
  bool is_holder(session_id id) {
    auto i = holders.find(id);
    return i != holders.end() && self->current_sender()
           && i->second == caf::actor_cast<caf::actor_addr>(self->current_sender());
  }

  caf::result<void> if_holder(session_id id) {
    if (!is_holder(id))
      return no_such_session();
    return caf::unit;
  }

  static caf::error no_such_session() {
    failure error;
    error.code = errc::session_ended;
    error.text = "the session has ended, or never existed, or belongs to another actor";
    return make_error(std::move(error));
  }

  caf::result<result> execute(statement& query) {
    auto answer = lines->next(std::move(query));
    if (auto error = std::get_if<failure>(&answer))
      return make_error(std::move(*error));
    return std::get<result>(std::move(answer));
  }

  caf::result<std::vector<result>> transact(transaction& request) {
    std::vector<result> out;
    for (auto& query : request.statements) {
      auto answer = lines->next(std::move(query));
      if (auto error = std::get_if<failure>(&answer)) {
        error->statement_index = static_cast<uint32_t>(out.size());
        return make_error(std::move(*error));
      }
      out.push_back(std::get<result>(std::move(answer)));
    }
    return out;
  }

  pool_actor::stateful_pointer<state> self;
  std::shared_ptr<script> lines;
  std::unordered_map<session_id, caf::actor_addr> holders;
  uint64_t last_session = 0;
};

scripted_pool::scripted_pool(caf::actor_system& sys)
    : script_{std::make_shared<script>()}, handle_{sys.spawn<pool_actor::stateful_impl<state>>(script_)} {
  // nop
}

scripted_pool::~scripted_pool() {
  caf::anon_send_exit(handle_, caf::exit_reason::user_shutdown);
}

scripted_pool& scripted_pool::answer(std::string part, result with) {
  std::lock_guard guard{script_->mutex};
  script_->lines.push_back({std::move(part), std::move(with)});
  return *this;
}

scripted_pool& scripted_pool::fail(std::string part, failure with) {
  std::lock_guard guard{script_->mutex};
  script_->lines.push_back({std::move(part), std::move(with)});
  return *this;
}

std::vector<statement> scripted_pool::seen() const {
  std::lock_guard guard{script_->mutex};
  return script_->seen;
}

std::string scripted_pool::complaint() const {
  std::lock_guard guard{script_->mutex};
  if (!script_->problem.empty() || script_->lines.empty())
    return script_->problem;
  return "there has been no statement with \"" + script_->lines.front().part + "\"";
}

} // namespace cenote::testing
