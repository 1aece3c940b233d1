#pragma once

#include "bato/messages.hpp"
#include "cenote/actors.hpp"
#include "cenote/statement.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bato {

/// The behaviour of the repository; spawn it with a pool, usually a retrier.
repository_actor::behavior_type repository(repository_actor::pointer self, const cenote::pool_actor& pool);

/// @name Effects of jobs
/// Each takes effect once, together with the end of its job.
/// @{

/// A round begins.
cenote::statement begin_run(const std::string& round);

/// A manga was scraped.
/// @param manga as it was before.
/// @param chapters its number of them now; none if its page cannot be read.
std::vector<cenote::statement> store_scrape(const std::string& round, const manga_details& manga,
                                            std::optional<uint32_t> chapters);

/// A round ends: what it has found out is counted.
cenote::statement end_run(const std::string& round, uint32_t planned);

/// @}

} // namespace bato
