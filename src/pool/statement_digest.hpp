#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cenote::pool {

/// The longest digest.
constexpr size_t max_digest_bytes = 1024;

/// The statement with `?` for each literal: what statements that differ in nothing else have in common. A list of
/// literals is one `?`, and of groups that are the same (`VALUES (?, NOW()), (?, NOW())`) one stays. Comments are left
/// out; what is too long ends in `...`. So does what is behind a text of which only the server's SQL mode says where it
/// ends: nothing of a literal is ever shown.
std::string digest_of(std::string_view sql);

} // namespace cenote::pool
