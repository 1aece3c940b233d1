#pragma once

#include "cenote/actors.hpp"

#include <caf/fwd.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// For tests of code that uses a pool.
namespace cenote::testing {

/// @name Answers
/// The answers of a scripted pool, in place of a server's.
/// @{

/// A result with these columns and rows. A column has the type of its first value that is not NULL.
/// @throws std::invalid_argument if a row has another number of values than there are columns, or the values of a
///         column have different types.
result table(const std::vector<std::string>& columns, const std::vector<std::vector<value>>& rows);

/// A result with a column for each field of a struct and a row for each struct: what `rows.as<T>()` reads back. `T`
/// needs its `inspect` overload and, if there are no rows, a default constructor.
template <class T>
result rows(const std::vector<T>& records) {
  std::vector<std::string> names;
  std::vector<std::vector<value>> cells;
  auto add = [&names](const T& record) {
    auto as_parameters = read("", record);
    names = std::move(as_parameters.names);
    return std::move(as_parameters.params);
  };
  for (auto& record : records)
    cells.push_back(add(record));
  if (records.empty())
    add(T{});
  return table(names, cells);
}

/// The answer to a write.
result changed(uint64_t affected_rows, uint64_t last_insert_id = 0);

/// @}

/// A pool for tests of code that uses one: it has no server and answers at once, from a script. The script is a list:
/// each statement that arrives must be the next one in it, whether it comes alone, in a transaction or in a session.
/// All other messages are answered as by a healthy pool; a session serves its holder only, as usual. May be used with
/// CAF's test scheduler and with the real one; all functions are thread-safe.
///
///     cenote::testing::scripted_pool pool{sys};
///     pool.answer("FROM manga WHERE id", cenote::testing::rows<manga>({{42, "Akira", 120}}));
///     ... let the actor under test work with pool.handle() ...
///     CHECK_EQ(pool.complaint(), "");
class scripted_pool {
public:
  /// Starts the actor.
  explicit scripted_pool(caf::actor_system& sys);
  scripted_pool(const scripted_pool&) = delete;
  scripted_pool& operator=(const scripted_pool&) = delete;

  /// Ends the actor.
  ~scripted_pool();

  /// The pool, for the code under test. Valid until this object ends.
  const pool_actor& handle() const noexcept { return handle_; }

  /// Adds to the script: a statement in whose SQL `part` occurs, and its answer. An empty `part` is in all of them.
  scripted_pool& answer(std::string part, result reply = {});

  /// Adds a statement that fails. In a transaction `statement_index` is filled in, and what follows is not run.
  scripted_pool& fail(std::string part, failure reason);

  /// The statements that came so far, with their parameters.
  std::vector<statement> seen() const;

  /// The first deviation from the script: the first statement that was not the next one (it was answered with
  /// `invalid_statement`), otherwise the next statement that has not arrived. Empty if there is none.
  std::string complaint() const;

private:
  struct script;
  struct state;

  std::shared_ptr<script> script_;
  pool_actor handle_;
};

} // namespace cenote::testing
