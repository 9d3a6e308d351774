#include "text/tokenizers/truncation.hpp"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "text/tokenizers/component.hpp"

namespace epicrisis {
namespace {

/// Takes tokens off the longer text until both fit `room`; then off both alike: an odd id goes to the longer
/// one, to the second when both are equally long.
void truncate_longest_first(ProcessedText& first, ProcessedText& second, std::size_t room, Side side) {
  const std::size_t shorter = std::min(first.ids.size(), second.ids.size());
  const std::size_t half = room / 2;
  if (shorter > half) {
    const bool first_is_shorter = first.ids.size() <= second.ids.size();
    truncate(first, first_is_shorter ? half : room - half, side);
    truncate(second, first_is_shorter ? room - half : half, side);
  } else {
    truncate(first.ids.size() > second.ids.size() ? first : second, room - shorter, side);
  }
}

Result<Side> read_side(const Json& block, std::string_view where) {
  const auto direction = block.find("direction");
  if (direction == block.end() || *direction == "Right") return Side::kRight;
  if (*direction == "Left") return Side::kLeft;
  return detail::damaged_tokenizer(where, "'direction' must be Left or Right");
}

/// A whole number that may be absent or null.
Result<std::size_t> read_count(const Json& block, std::string_view key, std::size_t fallback,
                               std::string_view where) {
  const auto count = block.find(key);
  if (count == block.end() || count->is_null()) return fallback;
  if (!count->is_number_unsigned() || count->get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max())
    return detail::damaged_tokenizer(where, fmt::format("'{}' must be a whole number", key));
  return count->get<std::size_t>();
}

Result<void> read_truncation(const Json& block, EncodeOptions& options) {
  constexpr std::string_view kWhere = "truncation";
  if (!block.is_object()) return detail::damaged_tokenizer(kWhere, "expected an object");
  EPICRISIS_ASSIGN_OR_RETURN(options.max_length, read_count(block, "max_length", 512, kWhere));
  EPICRISIS_ASSIGN_OR_RETURN(options.truncation_side, read_side(block, kWhere));
  constexpr std::pair<std::string_view, TruncationStrategy> kStrategies[] = {
      {"LongestFirst", TruncationStrategy::kLongestFirst},
      {"OnlyFirst", TruncationStrategy::kOnlyFirst},
      {"OnlySecond", TruncationStrategy::kOnlySecond}};
  const auto strategy = block.find("strategy");
  if (strategy == block.end()) return {};
  for (const auto& [name, value] : kStrategies) {
    if (*strategy != name) continue;
    options.truncation_strategy = value;
    return {};
  }
  return detail::damaged_tokenizer(kWhere, "'strategy' must be LongestFirst, OnlyFirst or OnlySecond");
}

Result<void> read_padding(const Json& block, EncodeOptions& options) {
  constexpr std::string_view kWhere = "padding";
  if (!block.is_object()) return detail::damaged_tokenizer(kWhere, "expected an object");
  PaddingOptions padding;
  EPICRISIS_ASSIGN_OR_RETURN(padding.side, read_side(block, kWhere));
  // A length is memory that the caller would have to give.
  constexpr std::size_t kMaxLength = 1 << 24;
  EPICRISIS_ASSIGN_OR_RETURN(padding.multiple_of, read_count(block, "pad_to_multiple_of", 1, kWhere));
  EPICRISIS_ASSIGN_OR_RETURN(const std::size_t pad_id, read_count(block, "pad_id", 0, kWhere));
  if (pad_id > static_cast<std::size_t>(std::numeric_limits<TokenId>::max()))
    return detail::damaged_tokenizer(kWhere, "'pad_id' is too large");
  padding.pad_id = static_cast<TokenId>(pad_id);
  const auto strategy = block.find("strategy");
  if (strategy != block.end() && strategy->is_object()) {
    EPICRISIS_ASSIGN_OR_RETURN(padding.length, read_count(*strategy, "Fixed", 0, kWhere));
  } else if (strategy != block.end() && *strategy != "BatchLongest") {
    return detail::damaged_tokenizer(kWhere, "'strategy' must be BatchLongest or Fixed");
  }
  if (padding.length > kMaxLength || padding.multiple_of > kMaxLength)
    return detail::damaged_tokenizer(kWhere, fmt::format("a length is above {}", kMaxLength));
  options.padding = padding;
  return {};
}

}  // namespace

void truncate(ProcessedText& text, std::size_t length, Side side) {
  if (text.ids.size() <= length) return;
  const auto cut = [&](auto& list) {
    if (list.empty()) return;
    if (side == Side::kRight) {
      list.resize(length);
    } else {
      list.erase(list.begin(), list.end() - static_cast<std::ptrdiff_t>(length));
    }
  };
  cut(text.ids);
  cut(text.offsets);
  cut(text.spaces);
}

Result<void> truncate_pair(ProcessedText& first, ProcessedText& second, std::size_t room,
                           const EncodeOptions& options) {
  const std::size_t total = first.ids.size() + second.ids.size();
  if (total <= room) return {};
  if (room == 0 || options.truncation_strategy == TruncationStrategy::kLongestFirst) {
    truncate_longest_first(first, second, room, options.truncation_side);
    return {};
  }
  const bool cut_first = options.truncation_strategy == TruncationStrategy::kOnlyFirst;
  ProcessedText& target = cut_first ? first : second;
  const std::size_t too_many = total - room;
  if (target.ids.size() <= too_many)
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("The {} text is too short to cut the pair to the given length; raise the limit or cut "
                    "both.",
                    cut_first ? "first" : "second"),
        fmt::format("{} tokens, {} too many", target.ids.size(), too_many)};
  truncate(target, target.ids.size() - too_many, options.truncation_side);
  return {};
}

Result<EncodeOptions> read_stored_options(const Json& file) {
  EncodeOptions options;
  if (const auto block = file.find("truncation"); block != file.end() && !block->is_null())
    EPICRISIS_RETURN_IF_ERROR(read_truncation(*block, options));
  if (const auto block = file.find("padding"); block != file.end() && !block->is_null())
    EPICRISIS_RETURN_IF_ERROR(read_padding(*block, options));
  return options;
}

}  // namespace epicrisis
