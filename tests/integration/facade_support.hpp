#pragma once

#include "cenote/database.hpp"
#include "support/pool_fixture.hpp"

#include <exception>
#include <optional>
#include <stdexcept>
#include <string>

namespace cenote::test {

/// A facade in front of a pool of its own on the shared server, and a table that is empty at the start.
class facade_fixture : public actor_fixture {
public:
  explicit facade_fixture(size_t connections = 2)
      : pool{start_full_pool(shared_server().settings(), rules_for(connections))},
        size{connections},
        db{system(), pool} {
    must(pool, write("CREATE OR REPLACE TABLE facade (id INT PRIMARY KEY, n INT) ENGINE=InnoDB"));
  }

  /// The rows of the table as other sessions see them.
  uint64_t rows() { return must(pool, read("SELECT COUNT(*) FROM facade"))[0].get<uint64_t>(0); }

  /// Waits until all connections are back; fails if they never are.
  void await_all_back() { await_free(pool, size); }

  pool_actor pool;
  size_t size;
  database db;
};

/// The failure that `f` throws; nothing if it throws none.
template <class F>
std::optional<failure> failure_of(F f) {
  try {
    f();
    return std::nullopt;
  } catch (const database_error& err) {
    return err.details();
  }
}

/// The text of the misuse that `f` throws; empty if it throws none.
template <class F>
std::string misuse_of(F f) {
  try {
    f();
    return {};
  } catch (const std::logic_error& err) {
    return err.what();
  }
}

inline statement insert(int id) {
  return write("INSERT INTO facade VALUES (?, 0)", id);
}

} // namespace cenote::test
