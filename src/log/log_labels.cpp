#include "log/log_labels.hpp"

#include <utility>

namespace cenote {

namespace {

thread_local const log_labels* labels_in_force = nullptr;

} // namespace

log_labels_scope::log_labels_scope(const log_labels* labels) noexcept
    : before_{std::exchange(labels_in_force, labels)} {
  // nop
}

log_labels_scope::~log_labels_scope() {
  labels_in_force = before_;
}

const log_labels* log_labels_scope::current() noexcept {
  return labels_in_force;
}

} // namespace cenote
