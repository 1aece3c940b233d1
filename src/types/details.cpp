#include "cenote/details.hpp"

namespace cenote {

std::string to_string(connection_activity x) {
  switch (x) {
  case connection_activity::connecting:
    return "connecting";
  case connection_activity::idle:
    return "idle";
  case connection_activity::checking:
    return "checking";
  case connection_activity::shared:
    return "shared";
  case connection_activity::in_use:
    return "in_use";
  case connection_activity::session:
    return "session";
  case connection_activity::stopping:
    return "stopping";
  case connection_activity::resetting:
    return "resetting";
  case connection_activity::closing:
    return "closing";
  }
  return "invalid connection_activity";
}

} // namespace cenote
