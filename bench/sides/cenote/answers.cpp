#include "answers.hpp"

#include <stdexcept>
#include <string>

namespace cenote::bench {

manga copy(const result& rows) {
  if (rows.size() != 1)
    throw std::runtime_error{"expected one row, got " + std::to_string(rows.size())};
  auto row = rows[0];
  return {row.get<int>(0), row.get<std::string>(1), row.get<std::string>(2), row.get<int>(3)};
}

large_answer copy_all(const result& rows) {
  large_answer answer;
  for (auto row : rows)
    answer.add(row.get<int>(0), row.get<std::string>(1));
  return answer;
}

} // namespace cenote::bench
