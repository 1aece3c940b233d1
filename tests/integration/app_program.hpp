#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cenote::test {

/// A temporary folder that is removed with this object.
class temporary_folder {
public:
  temporary_folder();
  temporary_folder(const temporary_folder&) = delete;
  ~temporary_folder();

  const std::string& path() const noexcept { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

  /// Writes a file and returns its path.
  std::string write(const std::string& name, std::string_view content) const;

private:
  std::string path_;
};

/// What a program left behind.
struct ended {
  int code = -1; ///< 128 + number if a signal ended it.
  std::string out;
  std::string err;
  double seconds = 0;

  /// All that it said.
  std::string all() const { return out + err; }
};

using environment = std::map<std::string, std::string>;

/// The environment of a program: that of the tests without anything of cenote's, and `variables`.
/// @param folder its TMPDIR.
std::vector<std::string> make_environment(const environment& variables, const std::string& folder);

/// Of each word, and null at the end, as the system wants them.
std::vector<char*> pointers(std::vector<std::string>& words);

/// A program of the build folder, run in a temporary folder of its own.
class program {
public:
  /// @param words its name (or its path, if that is absolute) and its arguments.
  /// @param variables added to the environment, which has none of cenote's.
  /// @param input its standard input.
  /// @param out where its standard output goes instead of being kept; `-` closes it.
  explicit program(std::vector<std::string> words, const environment& variables = {}, std::string_view input = "",
                   const std::string& out = "");
  program(const program&) = delete;

  /// Kills it if it still runs.
  ~program();

  pid_t pid() const noexcept { return pid_; }

  /// The current folder that it was given, which is its TMPDIR, too.
  std::string folder() const { return folder_.file("work"); }

  void signal(int number) const;

  /// Waits until it has logged the text on standard error. False if it ends before, or takes too long.
  bool logs(const std::string& text);

  /// What it has logged so far.
  std::string logged() const { return err(); }

  /// The same as `logs` for standard output.
  bool prints(const std::string& text);

  /// Waits for its end. One that takes longer than a minute is killed.
  ended wait();

private:
  bool says(const std::string& text, std::string (program::*stream)() const) const;
  std::string out() const;
  std::string err() const;

  temporary_folder folder_;
  pid_t pid_ = -1;
  double began_ = 0;
};

/// Runs a program to its end.
ended run(std::vector<std::string> words, const environment& variables = {}, std::string_view input = "");

/// How often `what` occurs in `text`.
size_t count(std::string_view text, std::string_view part);

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

} // namespace cenote::test
