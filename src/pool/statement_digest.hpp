#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cenote::pool {

/// The longest digest.
constexpr size_t max_digest_bytes = 1024;

/// The statement with `?` for each literal, the same for statements that differ only in literals. A list of literals
/// becomes one `?`, and a list of identical groups (`VALUES (?, NOW()), (?, NOW())`) becomes one group. Comments are
/// left out; a digest that is too long ends in `...`. It also ends there after a text whose end depends on the server's
/// SQL mode: no part of a literal is ever shown.
std::string digest_of(std::string_view sql);

} // namespace cenote::pool
