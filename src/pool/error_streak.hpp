#pragma once

#include <cstdint>
#include <string_view>

namespace cenote::pool {

/// Whether an error is one that statements cause by themselves, in any session: wrong syntax, a constraint, a missing
/// table or privilege, bad data, a deadlock. The others may be about the session in which the statement ran.
bool is_ordinary_error(uint32_t number, std::string_view sqlstate);

/// Notices that a connection does not work as it should, for whatever reason: requests fail on it one after the other,
/// with errors that are not ordinary ones, and none succeeds in between.
class error_streak {
public:
  /// How many requests have to fail in a row: of different callers, and of one caller alone.
  static constexpr uint32_t of_several = 3;
  static constexpr uint32_t of_one = 6;

  /// A request has succeeded.
  void succeeded() noexcept { length_ = 0; }

  /// One has failed. An ordinary error says nothing about the session, neither good nor bad.
  /// @param caller distinguishes callers.
  void failed(uint32_t number, std::string_view sqlstate, uint64_t caller);

  /// Whether the connection is to be replaced.
  bool is_suspect() const noexcept { return length_ >= (several_ ? of_several : of_one); }

private:
  uint32_t length_ = 0;
  uint64_t first_caller_ = 0;
  bool several_ = false;
};

} // namespace cenote::pool
