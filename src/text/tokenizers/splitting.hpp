#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "text/tokenizers/regex.hpp"
#include "text/tokenizers/stages.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {

/// What becomes of the delimiters that a text is split at. "a--b": Removed: a b; Isolated: a - - b;
/// MergedWithPrevious: a- - b; MergedWithNext: a - -b; Contiguous: a -- b.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// The member "behavior"; `fallback` when it is absent and there is one. Errors: kCorrupt.
Result<SplitBehavior> read_split_behavior(const Json& component, std::optional<SplitBehavior> fallback,
                                          std::string_view where);

/// A part of a piece: a delimiter or what lies between two.
struct Segment {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool delimiter = false;
};

/// Cuts a text of `size_bytes` at matches that are given in order.
class Segmenter {
 public:
  void start(std::size_t size_bytes) {
    segments_.clear();
    size_bytes_ = size_bytes;
    done_ = 0;
  }
  void match(std::size_t begin, std::size_t end) {
    if (done_ < begin) segments_.push_back({done_, begin, false});
    segments_.push_back({begin, end, true});
    done_ = end;
  }
  /// All segments of the text, which they cover.
  std::vector<Segment>& finish() {
    if (done_ < size_bytes_) segments_.push_back({done_, size_bytes_, false});
    return segments_;
  }

 private:
  std::vector<Segment> segments_;
  std::size_t size_bytes_ = 0;
  std::size_t done_ = 0;
};

/// Appends what `behavior` makes of `segments`, moved by `origin` bytes, to `pieces`. Empty ones are left
/// out.
void append_pieces(const std::vector<Segment>& segments, SplitBehavior behavior, std::uint32_t origin,
                   std::vector<Piece>& pieces);

/// Splits every piece that is no added token. find_matches(text, segmenter) calls segmenter.match() for each
/// delimiter in order; `invert` swaps delimiters and what lies between.
template <class FindMatches>
void split_pieces(PieceList& list, SplitBehavior behavior, bool invert, FindMatches find_matches) {
  std::vector<Piece> pieces;
  pieces.reserve(list.aligned.text.size() / 4);  // English words with their space
  Segmenter segmenter;
  for (const Piece& piece : list.pieces) {
    if (piece.added_token) {
      pieces.push_back(piece);
      continue;
    }
    const std::string_view text = list.view(piece);
    segmenter.start(text.size());
    find_matches(text, segmenter);
    std::vector<Segment>& segments = segmenter.finish();
    if (invert)
      for (Segment& segment : segments) segment.delimiter = !segment.delimiter;
    append_pieces(segments, behavior, piece.begin, pieces);
  }
  list.pieces = std::move(pieces);
}

/// split_pieces() at every character that is_delimiter(code point) holds for.
template <class IsDelimiter>
void split_at_characters(PieceList& list, SplitBehavior behavior, IsDelimiter is_delimiter) {
  split_pieces(list, behavior, false, [&](std::string_view text, Segmenter& segmenter) {
    for (std::size_t i = 0; i < text.size();) {
      const CodePoint next = decode_code_point(text, i);
      if (is_delimiter(next.value)) segmenter.match(i, i + next.size_bytes);
      i += next.size_bytes;
    }
  });
}

}  // namespace epicrisis
