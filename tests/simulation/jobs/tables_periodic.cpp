#include "simulation/jobs/tables.hpp"

#include <algorithm>

namespace cenote::job_simulation {

using namespace std::chrono_literals;

namespace {

constexpr auto request_limit = 60s;

} // namespace

query<server_micros> tables::current_time() {
  query<server_micros> out;
  out.sent = {"current time", request_limit, {}, [this, answer = out.answer] { *answer = now(); }};
  return out;
}

query<int> tables::set_periodic(periodic_row row) {
  query<int> out;
  out.sent = {"set periodic", request_limit,
              [this, row](transaction_no owner) {
                return lock(owner, {{periodic_table, row.number}}) ? readiness::ready : readiness::blocked;
              },
              [this, row] {
                // The same schedule is stored at each start, and keeps its next time.
                periodic_.try_emplace(row.number, row);
              }};
  return out;
}

query<size_t> tables::remove_periodic(uint32_t number) {
  query<size_t> out;
  out.sent = {"remove periodic", request_limit,
              [this, number](transaction_no owner) {
                return lock(owner, {{periodic_table, number}}) ? readiness::ready : readiness::blocked;
              },
              [this, number, answer = out.answer] { *answer = periodic_.erase(number); }};
  return out;
}

query<std::vector<due_periodic_job>> tables::due_periodic() {
  query<std::vector<due_periodic_job>> out;
  out.sent = {"due periodic", request_limit, {}, [this, answer = out.answer] {
                for (auto& [number, row] : periodic_)
                  if (row.next_at <= now())
                    answer->push_back({row, now()});
                std::ranges::sort(*answer, {}, [](auto& due) { return due.row.next_at; });
              }};
  return out;
}

query<std::optional<duration>> tables::next_periodic() {
  query<std::optional<duration>> out;
  out.sent = {"next periodic", request_limit, {}, [this, answer = out.answer] {
                for (auto& [number, row] : periodic_) {
                  auto in = duration{std::chrono::microseconds{row.next_at - now()}};
                  *answer = *answer ? std::min(**answer, in) : in;
                }
              }};
  return out;
}

query<int> tables::fire(due_periodic_job found, std::vector<job_terms> works, server_micros next) {
  query<int> out;
  out.sent = {"fire", request_limit,
              [this, found, keys = keys_of(works)](transaction_no owner) mutable {
                auto all = keys;
                all.push_back({periodic_table, found.row.number});
                if (!lock(owner, all))
                  return readiness::blocked;
                auto row = periodic_.find(found.row.number);
                return row == periodic_.end() || row->second.next_at != found.row.next_at ? readiness::stopped
                                                                                          : readiness::ready;
              },
              [this, found, works, next] {
                books_.fired(found, works, next);
                for (auto& work : works)
                  insert_one(work, {}, false);
                periodic_.at(found.row.number).next_at = next;
              }};
  return out;
}

} // namespace cenote::job_simulation
