#pragma once

namespace cenote::config {

/// Makes sure that the descriptors 0 to 2 are taken. In a program started with `>&-` they would otherwise become a pipe
/// of CAF's or the socket of a connection, and printed text would go there. Call it before opening anything else.
void occupy_standard_streams();

} // namespace cenote::config
