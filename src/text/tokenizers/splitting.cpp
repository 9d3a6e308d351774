#include "text/tokenizers/splitting.hpp"

#include <algorithm>
#include <utility>

#include "text/tokenizers/component.hpp"

namespace epicrisis {
namespace {

void append(const Segment& segment, std::uint32_t origin, std::vector<Piece>& pieces) {
  if (segment.begin < segment.end)
    pieces.push_back({origin + static_cast<std::uint32_t>(segment.begin),
                      origin + static_cast<std::uint32_t>(segment.end), std::nullopt});
}

/// Joins a segment with the one before where joins(segment, whether the one before was a delimiter) says so.
template <class Joins>
void append_joined(const std::vector<Segment>& segments, std::uint32_t origin, std::vector<Piece>& pieces,
                   Joins joins) {
  bool previous = false;
  std::optional<Segment> open;
  for (const Segment& segment : segments) {
    if (open && joins(segment, previous)) {
      open->end = segment.end;
    } else {
      if (open) append(*open, origin, pieces);
      open = segment;
    }
    previous = segment.delimiter;
  }
  if (open) append(*open, origin, pieces);
}

/// A delimiter joins what follows it, unless that is a delimiter too.
void append_merged_with_next(const std::vector<Segment>& segments, std::uint32_t origin,
                             std::vector<Piece>& pieces) {
  for (std::size_t i = 0; i < segments.size(); ++i) {
    Segment segment = segments[i];
    if (segment.delimiter && i + 1 < segments.size() && !segments[i + 1].delimiter)
      segment.end = segments[++i].end;
    append(segment, origin, pieces);
  }
}

}  // namespace

Result<SplitBehavior> read_split_behavior(const Json& component, std::optional<SplitBehavior> fallback,
                                          std::string_view where) {
  constexpr std::pair<std::string_view, SplitBehavior> kNames[] = {
      {"Removed", SplitBehavior::kRemoved},
      {"Isolated", SplitBehavior::kIsolated},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
      {"Contiguous", SplitBehavior::kContiguous}};
  const auto member = component.find("behavior");
  if (member == component.end() && fallback) return *fallback;
  if (member != component.end())
    for (const auto& [name, behavior] : kNames)
      if (*member == name) return behavior;
  return detail::damaged_tokenizer(
      where, "'behavior' must be Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

void append_pieces(const std::vector<Segment>& segments, SplitBehavior behavior, std::uint32_t origin,
                   std::vector<Piece>& pieces) {
  switch (behavior) {
    case SplitBehavior::kRemoved:
      for (const Segment& segment : segments)
        if (!segment.delimiter) append(segment, origin, pieces);
      return;
    case SplitBehavior::kIsolated:
      for (const Segment& segment : segments) append(segment, origin, pieces);
      return;
    case SplitBehavior::kContiguous:
      return append_joined(segments, origin, pieces, [](const Segment& segment, bool previous) {
        return segment.delimiter == previous;
      });
    case SplitBehavior::kMergedWithPrevious:
      return append_joined(segments, origin, pieces, [](const Segment& segment, bool previous) {
        return segment.delimiter && !previous;
      });
    case SplitBehavior::kMergedWithNext:
      return append_merged_with_next(segments, origin, pieces);
  }
}

}  // namespace epicrisis
