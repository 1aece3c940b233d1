#pragma once

#include "cenote/settings.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

namespace cenote::app {

/// What differs: `pool.size 10 -> 20, log.level "info" -> "debug"`. Empty: nothing.
std::string differences(const settings& before, const settings& after);

/// The settings in force, for several threads.
class current_settings {
public:
  explicit current_settings(const settings& x) : content_{std::make_shared<const settings>(x)} {
    // nop
  }

  std::shared_ptr<const settings> get() const {
    std::lock_guard guard{mutex_};
    return content_;
  }

  void set(const settings& x) {
    auto next = std::make_shared<const settings>(x);
    std::lock_guard guard{mutex_};
    content_ = std::move(next);
  }

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const settings> content_;
};

/// Where a thread that reads settings, for as long as that takes, sends them; nowhere once the receiver has ended, and
/// its actor system perhaps with it.
class settings_reader {
public:
  explicit settings_reader(caf::actor_addr receiver) : receiver_{std::move(receiver)} {
    // nop
  }

  void forget() {
    std::lock_guard guard{mutex_};
    receiver_ = nullptr;
  }

  template <class T>
  void tell(T what) {
    std::lock_guard guard{mutex_};
    if (auto to = caf::actor_cast<caf::actor>(receiver_))
      caf::anon_send(to, std::move(what));
  }

private:
  std::mutex mutex_;
  caf::actor_addr receiver_;
};

} // namespace cenote::app
