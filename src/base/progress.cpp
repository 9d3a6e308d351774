#include "base/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace epicrisis {
namespace {

constexpr std::size_t kBarWidth = 24;
constexpr std::chrono::milliseconds kTerminalInterval{100};
constexpr std::chrono::seconds kPlainInterval{10};

std::string clock_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::max(0.0, seconds));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

Progress::Progress(std::string label, std::uint64_t total, std::string unit, std::FILE* stream)
    : label_(std::move(label)),
      total_(total),
      unit_(std::move(unit)),
      stream_(stream),
      terminal_(::isatty(::fileno(stream)) == 1),
      started_(Clock::now()),
      drawn_(started_) {}

Progress::~Progress() { finish(); }

void Progress::update(std::uint64_t done, std::string_view note) {
  if (!std::exchange(has_first_, true)) first_done_ = done;
  done_ = done;
  note_ = note;
  const Clock::time_point now = Clock::now();
  if (now - drawn_ >= (terminal_ ? Clock::duration(kTerminalInterval) : Clock::duration(kPlainInterval)))
    draw(now);
}

void Progress::finish() {
  if (std::exchange(finished_, true) || total_ == 0) return;
  draw(Clock::now());
  if (terminal_) std::fputc('\n', stream_);
}

void Progress::clear() {
  if (!terminal_ || total_ == 0) return;
  std::fputs("\r\033[K", stream_);
  drawn_ = Clock::time_point();
}

void Progress::draw(Clock::time_point now) {
  if (total_ == 0) return;
  drawn_ = now;
  const double elapsed = std::chrono::duration<double>(now - started_).count();
  const double rate = elapsed > 0 ? static_cast<double>(done_ - first_done_) / elapsed : 0;
  const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  const std::string left = done_ >= total_ ? "done in " + clock_text(elapsed)
                           : rate > 0      ? clock_text(static_cast<double>(total_ - done_) / rate) + " left"
                                           : "starting";
  std::string line = fmt::format("{} {}/{} {} ({:.0f}%), {:.1f}/s, {}", label_, done_, total_, unit_,
                                 100 * share, rate, left);
  if (!note_.empty()) line += ", " + note_;
  if (terminal_) {
    const auto filled = static_cast<std::size_t>(share * kBarWidth);
    const std::string bar = std::string(filled, '#') + std::string(kBarWidth - filled, '.');
    fmt::print(stream_, "\r\033[K[{}] {}", bar, line);
  } else {
    fmt::print(stream_, "{}\n", line);
  }
  std::fflush(stream_);
}

}  // namespace epicrisis
