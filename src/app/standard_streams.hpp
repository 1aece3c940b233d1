#pragma once

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace cenote::app {

/// Standard output cannot be written.
class output_error : public std::runtime_error {
public:
  explicit output_error(int error_number);

  /// Whether the reader has gone, as with `| head -1`: nobody is left to tell.
  bool closed_by_reader() const noexcept { return closed_by_reader_; }

private:
  bool closed_by_reader_;
};

/// Standard input cannot be used.
class input_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// Reads standard input to its end.
/// @param max_size larger ones are an error.
/// @throws input_error
std::string read_input(size_t max_size);

/// Makes sure that the descriptors 0 to 2 are taken: in a program started with `>&-` the next socket would otherwise
/// become standard output. Call it before anything is opened.
void occupy_standard_streams();

/// Writes all of `text` to standard output.
/// @throws output_error if that is not possible.
void print(std::string_view text);

/// The same for a few lines, as long as nothing can be read from the descriptor `cancelled`: then it stops waiting for
/// a reader of standard output, and returns false.
bool print_unless(std::string_view text, int cancelled);

/// Writes as much of `text` to standard output as its reader takes without ever pausing for longer than `patience`.
/// False if that was not all.
/// @throws output_error
bool print_within(std::string_view text, std::chrono::milliseconds patience);

/// Whether the user wants no colours anywhere: NO_COLOR, see https://no-color.org.
bool forbids_colours();

} // namespace cenote::app
