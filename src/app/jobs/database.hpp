#pragma once

#include "app/commands.hpp"
#include "app/pool_host.hpp"
#include "cenote/failure.hpp"
#include "cenote/result.hpp"
#include "cenote/statement.hpp"
#include "cenote/transaction.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/common.h>
#include <tl/expected.hpp>

namespace cenote::app {

/// A command cannot go on. `what()` is one line for people.
class command_error : public std::runtime_error {
public:
  /// @param so_far what was done before, for people; empty: nothing.
  command_error(spdlog::level::level_enum level, const std::string& text, std::string so_far = {})
      : runtime_error{text}, level_{level}, so_far_{std::move(so_far)} {
    // nop
  }

  explicit command_error(const std::string& text) : command_error{spdlog::level::err, text} {
    // nop
  }

  spdlog::level::level_enum level() const noexcept { return level_; }
  const std::string& so_far() const noexcept { return so_far_; }

private:
  spdlog::level::level_enum level_;
  std::string so_far_;
};

/// The database with the tables of the jobs, for one command: a pool of its own, or that of a pool node. A signal that
/// asks for the end cuts what runs.
class job_database {
public:
  /// @throws command_error if it cannot be reached.
  explicit job_database(const invocation& x);

  /// @name Requests
  /// @throws command_error
  /// @{
  result execute(statement query);
  std::vector<result> transact(std::vector<statement> statements);
  /// Answers false instead, if it fails with this error number.
  bool transact_unless(uint32_t number, std::vector<statement> statements);
  /// @}

  /// What a command does with the tables.
  enum class access : uint8_t { read, write };

  /// Fails if the tables are missing or of an earlier version; for `write`, also if they are of a later one.
  void require_tables(access what);

  /// Tells the nodes that use the same pool node that there may be jobs.
  void notify_nodes();

  caf::actor_system& system() { return host_->system(); }
  const pool_actor& pool() const { return host_->pool(); }

private:
  uint32_t version_of_tables();
  tl::expected<std::vector<result>, failure> try_transact(std::vector<statement> statements);

  struct cut {
    pool_host* host;
    void operator()() const { host->cut(); }
  };

  std::unique_ptr<pool_host> host_;
  std::optional<std::stop_callback<cut>> on_signal_;
  pool_actor retrier_;
};

} // namespace cenote::app
