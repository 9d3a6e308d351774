#include "api/sagemaker/transform_input.hpp"

#include <fmt/format.h>

#include <utility>

#include "storage/artifacts/object_store.hpp"

namespace epicrisis::api {
namespace {

using Split = TransformPlan::Split;

constexpr std::size_t kBlockBytes = 1U << 20;
/// More in one request would only make it longer: the worker computes a few at a time.
constexpr std::uint64_t kMaxLines = 64;

bool is_empty_line(const std::string& line) { return line.empty() || line == "\r"; }

}  // namespace

TransformInput::TransformInput(std::unique_ptr<storage::ObjectReader> object, const TransformPlan& plan,
                               std::uint64_t offset)
    : object_(std::move(object)), plan_(plan), offset_(offset), read_to_(offset), is_first_(offset == 0) {}

TransformInput::~TransformInput() = default;

Error TransformInput::too_large() const {
  return {ErrorCode::kInvalidArgument,
          fmt::format("the record is larger than MaxPayloadInMB allows ({} bytes)", plan_.max_payload_bytes),
          ""};
}

Result<std::optional<TransformBatch>> TransformInput::next() {
  return plan_.split == Split::kWhole ? next_whole() : next_lines();
}

Result<std::optional<TransformBatch>> TransformInput::next_whole() {
  if (!is_first_) return std::optional<TransformBatch>();
  is_first_ = false;
  const std::uint64_t size_bytes = object_->info().size_bytes;
  if (size_bytes > plan_.max_payload_bytes) return too_large();
  TransformBatch batch{"", size_bytes, 1, true};
  while (batch.body.size() < size_bytes) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::string block, object_->read(batch.body.size(), kBlockBytes));
    if (block.empty()) return Error{ErrorCode::kCorrupt, "an object is shorter than it says", ""};
    batch.body += block;
  }
  return std::optional<TransformBatch>(std::move(batch));
}

Result<std::optional<TransformInput::Line>> TransformInput::next_line() {
  if (pushed_back_) return std::exchange(pushed_back_, std::nullopt);
  std::size_t searched = at_;
  while (true) {
    const std::size_t end = buffer_.find('\n', searched);
    const bool is_last = end == std::string::npos && read_to_ >= object_->info().size_bytes;
    if (end != std::string::npos || (is_last && at_ < buffer_.size())) {
      const std::size_t stop = std::min(end, buffer_.size());
      Line line{buffer_.substr(at_, stop - at_), 0};
      const std::size_t taken = stop - at_ + (end == std::string::npos ? 0 : 1);
      at_ += taken;
      offset_ += taken;
      line.end_offset = offset_;
      return std::optional<Line>(std::move(line));
    }
    if (is_last) return std::optional<Line>();
    if (buffer_.size() - at_ > plan_.max_payload_bytes) return too_large();
    buffer_.erase(0, at_);
    at_ = 0;
    searched = buffer_.size();
    EPICRISIS_ASSIGN_OR_RETURN(const std::string block, object_->read(read_to_, kBlockBytes));
    if (block.empty()) return Error{ErrorCode::kCorrupt, "an object is shorter than it says", ""};
    read_to_ += block.size();
    buffer_ += block;
  }
}

Result<std::optional<TransformInput::Line>> TransformInput::next_filled_line() {
  while (true) {
    EPICRISIS_ASSIGN_OR_RETURN(std::optional<Line> line, next_line());
    if (!line || !is_empty_line(line->text)) return line;
  }
}

/// When a run goes on, the header stands before the place where it does.
Result<void> TransformInput::read_header() {
  if (plan_.split != Split::kCsvLines || header_) return {};
  if (is_first_) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::optional<Line> line, next_filled_line());
    header_ = line ? line->text + "\n" : "";
    return {};
  }
  const std::uint64_t resume_at = std::exchange(offset_, 0);
  read_to_ = 0;
  EPICRISIS_ASSIGN_OR_RETURN(const std::optional<Line> line, next_filled_line());
  header_ = line ? line->text + "\n" : "";
  offset_ = read_to_ = resume_at;
  buffer_.clear();
  at_ = 0;
  return {};
}

Result<std::optional<TransformBatch>> TransformInput::next_lines() {
  EPICRISIS_RETURN_IF_ERROR(read_header());
  TransformBatch batch{header_.value_or(""), offset_, 0, is_first_};
  const bool one_line = plan_.split == Split::kJsonLines || !plan_.many_lines;
  const std::uint64_t max_lines = one_line ? 1 : kMaxLines;
  while (batch.lines < max_lines) {
    EPICRISIS_ASSIGN_OR_RETURN(std::optional<Line> line, next_filled_line());
    if (!line) break;
    if (batch.body.size() + line->text.size() + 1 > plan_.max_payload_bytes) {
      if (batch.lines == 0) return too_large();
      pushed_back_ = std::move(line);
      break;
    }
    batch.body += line->text;
    if (!one_line || header_) batch.body += '\n';
    batch.end_offset = line->end_offset;
    ++batch.lines;
  }
  const bool is_bare_header = is_first_ && header_ && !header_->empty();
  if (batch.lines == 0 && !is_bare_header) return std::optional<TransformBatch>();
  if (batch.lines == 0) batch.end_offset = offset_;
  is_first_ = false;
  return std::optional<TransformBatch>(std::move(batch));
}

}  // namespace epicrisis::api
