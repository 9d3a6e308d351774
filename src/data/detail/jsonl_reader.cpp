#include "data/detail/jsonl_reader.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "data/detail/text_fault.hpp"

namespace epicrisis::data::detail {
namespace {

constexpr std::size_t kBlockBytes = 1U << 16;
constexpr std::size_t kMaxLineBytes = 64U << 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

Result<JsonlReader> JsonlReader::open(const std::filesystem::path& path) {
  EPICRISIS_ASSIGN_OR_RETURN(FileSource source, FileSource::open(path));
  return JsonlReader(std::move(source));
}

Result<void> JsonlReader::fill() {
  std::array<char, kBlockBytes> block;
  EPICRISIS_ASSIGN_OR_RETURN(const std::size_t count, source_.read(block));
  at_end_ = count == 0;
  buffer_.erase(0, std::exchange(begin_, 0));
  buffer_.append(block.data(), count);
  if (std::exchange(at_start_, false) && buffer_.starts_with(kByteOrderMark)) begin_ = kByteOrderMark.size();
  if (buffer_.size() > kMaxLineBytes) {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("'{}' row {}: the line is longer than {} MiB.", source_.path().string(),
                             number_ + 1, kMaxLineBytes >> 20),
                 ""};
  }
  return {};
}

Result<std::optional<std::string>> JsonlReader::next_line() {
  std::size_t searched = 0;
  while (true) {
    const std::size_t end = buffer_.find('\n', begin_ + searched);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(begin_, end - begin_);
      begin_ = end + 1;
      return std::optional<std::string>(std::move(line));
    }
    if (at_end_) {
      if (begin_ == buffer_.size()) return std::optional<std::string>();
      return std::optional<std::string>(buffer_.substr(std::exchange(begin_, buffer_.size())));
    }
    searched = buffer_.size() - begin_;
    EPICRISIS_RETURN_IF_ERROR(fill());
    if (begin_ > 0) searched = 0;  // a byte order mark was just skipped
  }
}

Result<std::optional<JsonLine>> JsonlReader::next() {
  while (true) {
    EPICRISIS_ASSIGN_OR_RETURN(std::optional<std::string> line, next_line());
    if (!line) return std::optional<JsonLine>();
    if (line->find_first_not_of(" \t\r") == std::string::npos) continue;
    ++number_;
    Utf8Scanner scanner;
    scanner.scan(*line);
    scanner.finish();
    JsonLine found{number_, *std::move(line), {}};
    if (scanner.fault() != Utf8Scanner::Fault::kNone)
      found.fault = fmt::format("{} ({} of the line)", describe(scanner, number_ == 1), locate(scanner));
    return std::optional<JsonLine>(std::move(found));
  }
}

}  // namespace epicrisis::data::detail
