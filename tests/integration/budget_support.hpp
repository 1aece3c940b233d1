#pragma once

#include "support/pool_fixture.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

namespace cenote::test {

/// An account that may have nine connections, which are counted all the time.
class budget_fixture : public pool_fixture {
public:
  static constexpr size_t budget = 9;

  budget_fixture();
  ~budget_fixture();

  /// The account's connections at this moment, those that stop statements included.
  uint64_t count();

  /// The most of them so far.
  uint64_t highest() const { return highest_; }

  /// A number that a statement of the administrator finds.
  uint64_t number(const std::string& sql) { return must(admin(), read(sql))[0].get<uint64_t>(0); }

  const server_settings& account() const noexcept { return account_; }

private:
  server_settings account_;
  std::atomic<uint64_t> highest_{0};
  std::jthread watcher_;
};

/// Work that keeps a connection busy for a moment.
statement busy_for_a_while(uint64_t);

} // namespace cenote::test
