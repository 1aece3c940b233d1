#include "runtime/visitor.hpp"

#include "runtime/event_loop.hpp"

#include <utility>

namespace cenote {

namespace {

thread_local visitor* of_thread = nullptr;

} // namespace

visitor::~visitor() {
  if (of_thread == this)
    of_thread = nullptr;
}

void visitor::begin() {
  of_thread = this;
}

std::shared_ptr<event_loop> visitor::next() {
  promised_ = false;
  owes_ = false;
  auto loop = home_.lock();
  if (!loop)
    known_ = nullptr;
  return loop;
}

void visitor::work() {
  if (owes_ && clock::now() - since_ >= longest_absence)
    cancel();
}

bool visitor::promise(event_loop& loop) {
  auto self = of_thread;
  if (self == nullptr || event_loop::runs_any_here()) // It is busy there, perhaps for long.
    return false;
  if (!std::exchange(self->promised_, true) && self->known_ != &loop) {
    self->cancel();
    self->home_ = loop.weak_from_this();
    self->known_ = &loop;
  }
  if (self->known_ != &loop)
    return false;
  if (!self->owes_)
    self->owe();
  return true;
}

void visitor::owe() {
  owes_ = true;
  since_ = clock::now();
}

void visitor::cancel() {
  if (!std::exchange(owes_, false))
    return;
  if (auto loop = home_.lock())
    loop->stay_away();
}

} // namespace cenote
