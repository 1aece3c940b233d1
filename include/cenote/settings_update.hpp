#pragma once

#include "cenote/settings.hpp"

#include <caf/allowed_unsafe_message_type.hpp>

#include <memory>
#include <utility>

namespace cenote {

/// New settings for a running pool: the message that goes with `reconfigure_atom`. It may hold a password, so it stays
/// in its process: CAF cannot send it to another node.
class settings_update {
public:
  /// The default settings.
  settings_update() : settings_update{settings{}} {
    // nop
  }

  /// All settings, not only those that change.
  explicit settings_update(settings all) : content_{std::make_shared<const settings>(std::move(all))} {
    // nop
  }

  const settings& content() const noexcept { return *content_; } ///< All of them.

private:
  std::shared_ptr<const settings> content_;
};

} // namespace cenote

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cenote::settings_update)
