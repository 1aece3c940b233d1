#include "runtime/visitor.hpp"

#include "runtime/event_loop.hpp"

#include <utility>

namespace cenote {

namespace {

thread_local visitor* of_thread = nullptr;

} // namespace

void visitor::begin() {
  of_thread = this;
}

std::shared_ptr<event_loop> visitor::next() {
  promised_ = false;
  left_.reset();
  auto loop = home_.lock();
  if (!loop)
    known_ = nullptr;
  return loop;
}

void visitor::work() {
  auto loop = left_.lock();
  if (!loop || clock::now() - since_ < longest_absence)
    return;
  left_.reset();
  loop->stay_away();
}

bool visitor::promise(event_loop& loop) {
  auto self = of_thread;
  if (self == nullptr)
    return false;
  if (!std::exchange(self->promised_, true) && self->known_ != &loop) {
    self->home_ = loop.weak_from_this();
    self->known_ = &loop;
  }
  return self->known_ == &loop;
}

} // namespace cenote
