#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace cenote::detail {

/// An array of numbers or characters that are appended one by one. It grows by `realloc`, which moves the pages of a
/// large array instead of copying their content, and starts with room for what most results hold.
template <class T>
class growing_array {
public:
  static_assert(std::is_trivially_copyable_v<T>);

  growing_array() noexcept = default;

  growing_array(const T* begin, const T* end) { append(begin, static_cast<size_t>(end - begin)); }

  growing_array(const growing_array& other) : growing_array(other.begin(), other.end()) {
    // nop
  }

  growing_array(growing_array&& other) noexcept
      : data_{std::move(other.data_)},
        size_{std::exchange(other.size_, 0)},
        capacity_{std::exchange(other.capacity_, 0)} {
    // nop
  }

  growing_array& operator=(growing_array other) noexcept {
    data_.swap(other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }

  ~growing_array() = default;

  void push_back(T element) { append(&element, 1); }

  void append(const T* elements, size_t count) {
    if (count == 0)
      return;
    if (capacity_ - size_ < count)
      grow(size_ + count);
    std::memcpy(data_.get() + size_, elements, count * sizeof(T));
    size_ += count;
  }

  size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  const T* data() const noexcept { return data_.get(); }
  const T* begin() const noexcept { return data(); }
  const T* end() const noexcept { return data() + size_; }
  T operator[](size_t index) const noexcept { return data_.get()[index]; }

  bool operator==(const growing_array& other) const noexcept {
    return std::equal(begin(), end(), other.begin(), other.end());
  }

private:
  static constexpr size_t first_capacity = 128 / sizeof(T);

  struct free_memory {
    void operator()(T* memory) const noexcept { std::free(memory); }
  };

  void grow(size_t needed) {
    auto new_capacity = std::max({needed, 2 * capacity_, first_capacity});
    auto larger = static_cast<T*>(std::realloc(data_.get(), new_capacity * sizeof(T)));
    if (larger == nullptr)
      throw std::bad_alloc{};
    (void)data_.release(); // Freed or reused by `realloc`.
    data_.reset(larger);
    capacity_ = new_capacity;
  }

  std::unique_ptr<T[], free_memory> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

/// Travels as a string or a list.
template <class Inspector, class T>
bool inspect(Inspector& f, growing_array<T>& x) {
  using plain = std::conditional_t<std::is_same_v<T, char>, std::string, std::vector<T>>;
  auto get = [&x] { return plain(x.begin(), x.end()); };
  auto set = [&x](const plain& xs) {
    x = growing_array<T>{xs.data(), xs.data() + xs.size()};
    return true;
  };
  return f.apply(get, set);
}

} // namespace cenote::detail
