#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace epicrisis {

/// Progress of long work on `stream`: a bar with rate and time left on a terminal, a plain line every ten
/// seconds (and one at the end) elsewhere. Not thread-safe. Silent when `total` is 0.
class Progress {
 public:
  /// `label` names the work, `unit` what is counted ("notes", "tokens"). Counting starts now.
  Progress(std::string label, std::uint64_t total, std::string unit, std::FILE* stream = stderr);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// Sets the count, and a short note shown after it (loss, rate). `note` holds no clinical text.
  void update(std::uint64_t done, std::string_view note = {});
  /// Ends the bar; the destructor does so too.
  void finish();
  /// Removes the bar so that a line can be printed above it; the next update draws it again.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(Clock::time_point now);

  std::string label_;
  std::uint64_t total_;
  std::string unit_;
  std::FILE* stream_;
  bool terminal_;
  std::uint64_t first_done_ = 0;  ///< Count at the first update: resumed work does not inflate the rate.
  bool has_first_ = false;
  std::uint64_t done_ = 0;
  std::string note_;
  Clock::time_point started_;
  Clock::time_point drawn_;
  bool finished_ = false;
};

}  // namespace epicrisis
