#include "net/frame.hpp"

#include <algorithm>
#include <cassert>

namespace cenote::net {

namespace {

/// How much is handed out at a time.
constexpr size_t stage_size = 64 << 10;

constexpr uint8_t last_flag = 1;

/// Events arrive in their order.
constexpr uint64_t events_sequence = UINT64_MAX;

/// What a message costs beside its bytes while pieces of it are missing.
constexpr size_t overhead = 256;

void put_number(std::vector<std::byte>& out, uint64_t number, size_t bytes) {
  for (size_t i = bytes; i-- > 0;)
    out.push_back(static_cast<std::byte>(number >> (8 * i)));
}

uint64_t get_number(std::span<const std::byte> in) {
  uint64_t number = 0;
  for (auto each : in)
    number = number << 8 | static_cast<uint64_t>(each);
  return number;
}

/// What the first bytes of a peer look like that speaks another protocol.
std::string guess(std::span<const std::byte> bytes) {
  std::string text;
  for (auto each : bytes.first(std::min<size_t>(bytes.size(), 4)))
    text += static_cast<char>(each);
  if (text.starts_with("GET") || text.starts_with("POST") || text.starts_with("HEAD") || text.starts_with("PUT"))
    return "HTTP";
  if (text.starts_with("\x16\x03"))
    return "TLS";
  if (text.starts_with("CAF") || text.starts_with("BASP"))
    return "CAF's protocol";
  if (text.starts_with("SSH"))
    return "SSH";
  return "another protocol";
}

} // namespace

// -- frame_reader --------------------------------------------------------------------

std::optional<std::string> frame_reader::take(std::span<const std::byte> bytes, std::vector<message>& out) {
  while (true) {
    auto needed = current_ ? current_->length : frame_header_size;
    auto count = std::min(needed - buffer_.size(), bytes.size());
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    if (buffer_.size() < needed)
      return std::nullopt;
    auto problem = current_ ? end_piece(out) : begin_piece();
    if (problem)
      return problem;
    buffer_.clear();
  }
}

std::optional<std::string> frame_reader::begin_piece() {
  std::span<const std::byte> bytes{buffer_};
  auto length = get_number(bytes.first(4));
  auto kind = get_number(bytes.subspan(4, 1));
  auto flags = get_number(bytes.subspan(5, 1));
  auto reserved = get_number(bytes.subspan(6, 2));
  auto is_frame = length <= max_piece && kind >= 1 && kind <= static_cast<uint64_t>(last_kind) && flags <= last_flag
                  && reserved == 0;
  if (!is_frame)
    return started_ ? std::string{"the peer has sent bytes that are no frame"}
                    : "the peer speaks " + guess(bytes) + " instead of cenote's protocol";
  header found;
  found.length = static_cast<size_t>(length);
  found.kind = static_cast<message_kind>(kind);
  found.last = flags == last_flag;
  found.id = get_number(bytes.subspan(8, 8));
  // Empty pieces that end nothing would cost a peer nothing, and us an entry each.
  if (found.length == 0 && !found.last)
    return "the peer has sent an empty piece in the middle of a message";
  started_ = true;
  current_ = found;
  return std::nullopt;
}

std::optional<std::string> frame_reader::end_piece(std::vector<message>& out) {
  auto piece = *std::exchange(current_, std::nullopt);
  progress_ = progress_ || piece.kind == message_kind::answer;
  auto i = unfinished_.find({piece.kind, piece.id});
  auto begun = i == unfinished_.end() ? 0 : i->second.content.size();
  if (begun + piece.length > limits_.message)
    return "the peer has sent a message of more than " + std::to_string(limits_.message) + " bytes";
  if (piece.kind == message_kind::cancel && piece.last)
    forget({message_kind::request, piece.id});
  if (piece.last && begun == 0) {
    out.push_back({piece.kind, piece.id, std::move(buffer_)});
    return std::nullopt;
  }
  unfinished_bytes_ += piece.length + (begun == 0 ? overhead : 0);
  if (unfinished_bytes_ > limits_.unfinished)
    return "the peer has begun messages of more than " + std::to_string(limits_.unfinished) + " bytes together";
  if (i == unfinished_.end())
    i = unfinished_.emplace(std::pair{piece.kind, piece.id}, message{piece.kind, piece.id, {}}).first;
  auto& content = i->second.content;
  content.insert(content.end(), buffer_.begin(), buffer_.end());
  if (piece.last) {
    unfinished_bytes_ -= content.size() + overhead;
    out.push_back(std::move(i->second));
    unfinished_.erase(i);
  }
  return std::nullopt;
}

void frame_reader::forget(const key& of) {
  auto i = unfinished_.find(of);
  if (i == unfinished_.end())
    return;
  unfinished_bytes_ -= i->second.content.size() + overhead;
  unfinished_.erase(i);
}

// -- frame_writer --------------------------------------------------------------------

bool frame_writer::is_small(const outgoing& x) {
  return x.content.bytes.size() <= max_piece;
}

frame_writer::frame_writer(size_t max_parallel) : max_parallel_{max_parallel} {
  assert(max_parallel >= 1);
}

void frame_writer::add(message_kind kind, uint64_t id, blob content, uint64_t sequence) {
  if (kind == message_kind::events)
    sequence = events_sequence;
  bytes_ += content.bytes.size();
  outgoing added{kind, id, std::move(content), sequence};
  if (kind == message_kind::ping || kind == message_kind::pong) {
    add_urgent(std::move(added));
  } else if (sequence == 0) {
    enqueue(std::move(added));
  } else {
    auto& of = sequences_[sequence];
    of.behind.push_back(std::move(added));
    let_follow(of);
  }
}

/// A peer that does not read would let pings and pongs grow.
void frame_writer::add_urgent(outgoing added) {
  assert(added.content.bytes.size() <= max_piece);
  auto old = std::ranges::find(urgent_, added.kind, &outgoing::kind);
  if (old == urgent_.end()) {
    urgent_.push_back(std::move(added));
    return;
  }
  bytes_ -= old->content.bytes.size();
  *old = std::move(added);
}

void frame_writer::enqueue(outgoing added) {
  if (is_small(added)) {
    small_bytes_ += added.content.bytes.size();
    small_.push_back(std::move(added));
  } else {
    large_.push_back(std::move(added));
  }
}

/// Of a sequence, small messages may follow each other at once. A large one waits for those before it, and those behind
/// it wait for it.
void frame_writer::let_follow(line& of) {
  while (!of.behind.empty() && !of.large && (of.ahead == 0 || is_small(of.behind.front()))) {
    ++of.ahead;
    of.large = !is_small(of.behind.front());
    enqueue(std::move(of.behind.front()));
    of.behind.pop_front();
  }
}

/// A message has left its queue.
void frame_writer::proceed(uint64_t sequence) {
  auto i = sequences_.find(sequence);
  if (i == sequences_.end())
    return;
  --i->second.ahead;
  i->second.large = false; // If it was large, it was alone.
  let_follow(i->second);
  if (i->second.ahead == 0)
    sequences_.erase(i);
}

bool frame_writer::withdraw(uint64_t id) {
  auto is_it = [id](const outgoing& x) { return x.kind == message_kind::request && x.id == id; };
  for (auto& [sequence, each] : sequences_)
    if (auto i = std::ranges::find_if(each.behind, is_it); i != each.behind.end()) {
      bytes_ -= i->content.bytes.size();
      each.behind.erase(i);
      return true;
    }
  for (auto queue : {&small_, &large_})
    if (auto i = std::ranges::find_if(*queue, is_it); i != queue->end()) {
      bytes_ -= i->content.bytes.size() - i->sent;
      if (queue == &small_)
        small_bytes_ -= i->content.bytes.size();
      auto begun = i->sent > 0;
      auto sequence = i->sequence;
      queue->erase(i);
      proceed(sequence);
      if (begun)
        add(message_kind::cancel, id, {});
      return true;
    }
  return false;
}

std::span<const std::byte> frame_writer::next() {
  if (offset_ == staged_.size())
    stage();
  return std::span{staged_}.subspan(offset_);
}

void frame_writer::written(size_t count) {
  assert(count <= staged_.size() - offset_);
  offset_ += count;
  for (; !marks_.empty() && marks_.front().end <= offset_; marks_.pop_front())
    completed_.push_back(marks_.front().id);
}

void frame_writer::stage() {
  staged_.clear();
  offset_ = 0;
  stage_small(urgent_, SIZE_MAX);
  stage_small(small_, large_.empty() ? stage_size : stage_size / 2);
  if (!large_.empty())
    stage_piece();
}

void frame_writer::stage_small(std::deque<outgoing>& from, size_t limit) {
  while (!from.empty() && staged_.size() < limit) {
    auto first = std::move(from.front());
    from.pop_front();
    auto size = first.content.bytes.size();
    put(first, size, true);
    bytes_ -= size;
    if (&from == &small_)
      small_bytes_ -= size;
    proceed(first.sequence);
  }
}

void frame_writer::stage_piece() {
  auto message = std::move(large_.front());
  large_.pop_front();
  auto left = message.content.bytes.size() - message.sent;
  auto length = std::min(left, max_piece);
  put(message, length, length == left);
  message.sent += length;
  bytes_ -= length;
  if (length == left) {
    proceed(message.sequence);
    return;
  }
  auto turn = std::min(max_parallel_ - 1, large_.size());
  large_.insert(large_.begin() + static_cast<std::ptrdiff_t>(turn), std::move(message));
}

void frame_writer::put(const outgoing& message, size_t length, bool last) {
  put_number(staged_, length, 4);
  put_number(staged_, static_cast<uint64_t>(message.kind), 1);
  put_number(staged_, last ? last_flag : 0, 1);
  put_number(staged_, 0, 2);
  put_number(staged_, message.id, 8);
  auto piece = message.content.bytes.subspan(message.sent, length);
  staged_.insert(staged_.end(), piece.begin(), piece.end());
  if (last && (message.kind == message_kind::request || message.kind == message_kind::answer))
    marks_.push_back({staged_.size(), message.id});
}

} // namespace cenote::net
