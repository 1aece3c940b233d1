#pragma once

#include "cenote/error.hpp"
#include "cenote/failure.hpp"

#include <caf/behavior.hpp>
#include <caf/detail/behavior_impl.hpp>
#include <caf/error.hpp>
#include <caf/make_counted.hpp>
#include <caf/unsafe_behavior_init.hpp>

#include <exception>
#include <functional>
#include <string>
#include <utility>

namespace cenote {

/// The answer to a request whose handler threw: a defect of cenote, or lack of memory.
inline caf::error defect_error(const char* text) {
  failure reason;
  reason.outcome = outcome::unknown;
  reason.text = std::string{"an exception inside cenote: "} + text;
  return make_error(std::move(reason));
}

/// Runs a part of an actor's work outside of message handlers: a timer, the end of another actor. CAF ends an actor
/// that lets an exception escape, but no single message may end a pool.
/// @param state has `void defect(const char* text)`, which logs, and repairs what it can.
template <class State, class F>
void guard(State& state, F f) {
  try {
    f();
  } catch (const std::exception& err) {
    state.defect(err.what());
  } catch (...) {
    state.defect("not a std::exception");
  }
}

/// Handlers of messages, whose exceptions are answered to the sender.
class guarded_handlers : public caf::detail::behavior_impl {
public:
  guarded_handlers(pointer handlers, std::function<void(const char*)> defect)
      : handlers_{std::move(handlers)}, defect_{std::move(defect)} {
    // nop
  }

  using behavior_impl::invoke;

  bool invoke(caf::detail::invoke_result_visitor& answer, caf::message& request) override {
    try {
      return handlers_->invoke(answer, request);
    } catch (const std::exception& err) {
      return refuse(answer, err.what());
    } catch (...) {
      return refuse(answer, "not a std::exception");
    }
  }

private:
  bool refuse(caf::detail::invoke_result_visitor& answer, const char* text) {
    defect_(text);
    auto reason = defect_error(text);
    answer(reason);
    return true;
  }

  pointer handlers_;
  std::function<void(const char*)> defect_;
};

/// Wraps the handlers of an actor so that their exceptions do not end it.
template <class State, class Behavior>
Behavior guarded(State* state, Behavior handlers) {
  auto inner = handlers.unbox().as_behavior_impl();
  auto outer =
      caf::make_counted<guarded_handlers>(std::move(inner), [state](const char* text) { state->defect(text); });
  return {caf::unsafe_behavior_init, caf::behavior(caf::behavior::impl_ptr{std::move(outer)})};
}

} // namespace cenote
