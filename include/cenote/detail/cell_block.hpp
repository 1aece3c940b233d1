#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

namespace cenote::detail {

/// The cells of a result in one block of memory: their content grows from its front, and the ends of the cells, in
/// reverse order, from its back. It grows by `realloc`, which moves the pages of a large block instead of copying them,
/// and starts with room for what most results hold. Results stay below 2 GiB.
class cell_block {
public:
  /// Marks the end of a cell that is NULL.
  static constexpr uint32_t null_bit = 0x8000'0000;

  cell_block() noexcept = default;

  /// Cells of another node: to be checked with `is_consistent`.
  cell_block(std::string_view content, const std::vector<uint32_t>& ends) {
    auto reversed = ends;
    std::ranges::reverse(reversed);
    assign(content, reversed.data(), reversed.size());
  }

  cell_block(const cell_block& other) {
    assign(other.content(), other.count_ == 0 ? nullptr : other.last_end(), other.count_);
  }

  cell_block(cell_block&& other) noexcept
      : block_{std::move(other.block_)},
        capacity_{std::exchange(other.capacity_, 0)},
        size_{std::exchange(other.size_, 0)},
        count_{std::exchange(other.count_, 0)} {
    // nop
  }

  cell_block& operator=(cell_block other) noexcept {
    block_.swap(other.block_);
    std::swap(capacity_, other.capacity_);
    std::swap(size_, other.size_);
    std::swap(count_, other.count_);
    return *this;
  }

  ~cell_block() = default;

  void add(std::string_view cell) { add(cell, 0); }
  void add_null() { add({}, null_bit); }

  /// Number of cells.
  size_t count() const noexcept { return count_; }

  /// Bytes of all cells together.
  size_t size() const noexcept { return size_; }

  bool is_null(size_t index) const noexcept { return (end(index) & null_bit) != 0; }

  /// A cell's content; empty for NULL.
  std::string_view operator[](size_t index) const noexcept {
    auto begin = index == 0 ? 0 : end(index - 1) & ~null_bit;
    return {block_.get() + begin, (end(index) & ~null_bit) - begin};
  }

  /// The content of all cells, without gaps.
  std::string_view content() const noexcept { return {block_.get(), size_}; }

  /// The end of each cell in `content`, with `null_bit`.
  std::vector<uint32_t> ends() const {
    std::vector<uint32_t> result;
    result.reserve(count_);
    for (size_t i = 0; i < count_; ++i)
      result.push_back(end(i));
    return result;
  }

  /// Whether the ends fit the content.
  bool is_consistent() const noexcept {
    uint32_t last = 0;
    for (size_t i = 0; i < count_; ++i) {
      auto position = end(i) & ~null_bit;
      if (position < last || (is_null(i) && position != last))
        return false;
      last = position;
    }
    return last == size_;
  }

  bool operator==(const cell_block& other) const noexcept {
    return content() == other.content() && count_ == other.count_
           && (count_ == 0 || std::equal(last_end(), last_end() + count_, other.last_end()));
  }

private:
  static constexpr size_t first_capacity = 256;

  struct free_memory {
    void operator()(char* memory) const noexcept { std::free(memory); }
  };

  uint32_t* behind_ends() const noexcept { return reinterpret_cast<uint32_t*>(block_.get() + capacity_); }
  uint32_t* last_end() const noexcept { return behind_ends() - count_; }
  uint32_t end(size_t index) const noexcept { return *(behind_ends() - 1 - index); }

  void add(std::string_view cell, uint32_t mark) {
    reserve(cell.size(), 1);
    append(cell);
    ++count_;
    *last_end() = static_cast<uint32_t>(size_) | mark;
  }

  void append(std::string_view content) noexcept {
    if (!content.empty())
      std::memcpy(block_.get() + size_, content.data(), content.size());
    size_ += content.size();
  }

  /// @param ends in reverse order.
  void assign(std::string_view content, const uint32_t* ends, size_t count) {
    if (content.empty() && count == 0)
      return;
    reserve(content.size(), count);
    append(content);
    count_ = count;
    std::copy_n(ends, count, last_end());
  }

  /// Makes room for so many more bytes and cells.
  void reserve(size_t bytes, size_t cells) {
    auto needed = size_ + bytes + (count_ + cells) * sizeof(uint32_t);
    if (needed > capacity_)
      grow(needed);
  }

  void grow(size_t needed) {
    constexpr auto alignment = sizeof(uint32_t);
    needed = (needed + alignment - 1) / alignment * alignment;
    auto new_capacity = std::max({needed, 2 * capacity_, first_capacity});
    auto larger = static_cast<char*>(std::realloc(block_.get(), new_capacity));
    if (larger == nullptr)
      throw std::bad_alloc{};
    (void)block_.release(); // Freed or reused by `realloc`.
    block_.reset(larger);
    auto bytes = count_ * sizeof(uint32_t);
    if (bytes > 0)
      std::memmove(larger + new_capacity - bytes, larger + capacity_ - bytes, bytes);
    capacity_ = new_capacity;
  }

  std::unique_ptr<char[], free_memory> block_;
  size_t capacity_ = 0;
  size_t size_ = 0;  ///< Bytes of content.
  size_t count_ = 0; ///< Number of cells.
};

} // namespace cenote::detail
