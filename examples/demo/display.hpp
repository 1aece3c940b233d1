#pragma once

#include "cenote/status.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace demo {

/// `1234567` -> `1 234 567`
std::string grouped(uint64_t number);

/// The demo's output: lines that stay, and on a terminal one at the bottom that is redrawn.
class display {
public:
  using clock = std::chrono::steady_clock;

  /// @param length how long the run is meant to last.
  explicit display(std::chrono::seconds length);
  display(const display&) = delete;
  ~display();

  /// Starts the clock.
  void start();

  /// Writes a line that stays.
  void say(const std::string& line);

  /// Writes such a line with the time since the start before it.
  void report(const std::string& line);

  /// How often to call `update`.
  std::chrono::milliseconds pace() const;

  /// Shows the numbers of this moment.
  /// @param answered statements since the start.
  void update(uint64_t answered, const cenote::pool_status& pool);

  /// Removes the live line.
  void clear();

private:
  double seconds() const;
  std::string stamp() const;
  std::string bar() const;

  bool terminal_;
  bool shown_ = false; ///< A live line is there.
  std::chrono::seconds length_;
  clock::time_point began_ = clock::now();
  clock::time_point last_update_ = began_;
  uint64_t last_answered_ = 0;
  double rate_ = 0; ///< Statements per second, smoothed.
};

} // namespace demo
