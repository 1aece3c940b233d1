#include "cenote/jobs/job.hpp"

#include <chrono>
#include <cstdint>
#include <random>

namespace cenote {

job_id make_job_id() {
  thread_local std::mt19937_64 dice{[] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
    return std::mt19937_64{seed};
  }()};
  using namespace std::chrono;
  auto since_1970 = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
  auto milliseconds_part = static_cast<uint64_t>(since_1970) / 1000;
  // The 12 bits behind the version hold the fraction of the millisecond.
  auto fraction = (static_cast<uint64_t>(since_1970) % 1000) * 4096 / 1000;
  auto random = dice();
  job_id out;
  for (size_t i = 0; i < 6; ++i)
    out.bytes[i] = static_cast<uint8_t>(milliseconds_part >> (8 * (5 - i)));
  out.bytes[6] = static_cast<uint8_t>(0x70 | (fraction >> 8));
  out.bytes[7] = static_cast<uint8_t>(fraction);
  for (size_t i = 0; i < 8; ++i)
    out.bytes[8 + i] = static_cast<uint8_t>(random >> (8 * i));
  out.bytes[8] = static_cast<uint8_t>(0x80 | (out.bytes[8] & 0x3f));
  return out;
}

} // namespace cenote
