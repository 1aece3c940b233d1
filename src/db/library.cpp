#include "db/session.hpp"

#include <mutex>

namespace cenote::db {

void init_library() {
  static std::once_flag once;
  std::call_once(once, [] { mysql_library_init(0, nullptr, nullptr); });
}

} // namespace cenote::db
