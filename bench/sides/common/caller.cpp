#include "caller.hpp"

#include <utility>

namespace cenote::bench {

namespace {

constexpr size_t large_rows = 10'000;
constexpr size_t large_body = 1'000;

} // namespace

void large_answer::add(int id, const std::string& body) {
  ++rows_;
  sum_ += static_cast<size_t>(id);
  right_sizes_ = right_sizes_ && body.size() == large_body;
}

bool large_answer::complete() const noexcept {
  return rows_ == large_rows && sum_ == large_rows * (large_rows + 1) / 2 && right_sizes_;
}

caller::caller(const round_state& state, size_t number)
    : state_{&state}, number_{number}, random_{static_cast<unsigned>(number)} {
  // nop
}

bool caller::next() {
  if (state_->now.load(std::memory_order_relaxed) == stage::over || !error_.empty())
    return false;
  id_ = state_->load == workload::transaction
            ? static_cast<int>(number_)
            : 1 + static_cast<int>(random_() % static_cast<unsigned>(state_->rows.size()));
  asked_ = steady::now();
  return true;
}

void caller::answered() {
  auto now = steady::now();
  if (state_->now.load(std::memory_order_relaxed) == stage::measuring)
    answers_.push_back({now, now - asked_});
}

void caller::answered(const manga& row) {
  if (row == state_->rows.row(id_))
    answered();
  else
    failed("asked for row " + std::to_string(id_) + ", got row " + std::to_string(row.id) + " '" + row.title + "'");
}

void caller::answered(uint64_t updated, uint64_t inserted) {
  if (updated == 1 && inserted == 1)
    answered();
  else
    failed("a transaction updated " + std::to_string(updated) + " and inserted " + std::to_string(inserted)
           + " rows, not 1 each");
}

void caller::answered(const large_answer& received) {
  if (received.complete())
    answered();
  else
    failed("the large result is wrong: " + std::to_string(received.rows()) + " rows");
}

void caller::failed(std::string reason) {
  auto now = state_->now.load(std::memory_order_relaxed);
  if (!recovers())
    error_ = std::move(reason);
  else if (now == stage::measuring)
    ++errors_;
}

} // namespace cenote::bench
