#pragma once

#include <string>
#include <vector>

namespace cenote::bench {

/// A row of the table `bench_point`.
struct manga {
  int id = 0;
  std::string title;
  std::string link;
  int chapters = 0;
  bool operator==(const manga&) const = default;
};

/// All rows, so that every answer can be compared with what it must be. Ids count from 1.
class catalogue {
public:
  explicit catalogue(int size);

  int size() const noexcept { return static_cast<int>(rows_.size()); }
  const manga& row(int id) const { return rows_.at(static_cast<size_t>(id) - 1); }

private:
  std::vector<manga> rows_;
};

} // namespace cenote::bench
