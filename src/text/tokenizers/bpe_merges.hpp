#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/json.hpp"
#include "text/tokenizers/vocabulary.hpp"

namespace epicrisis {

/// Part of a word on its way to tokens.
struct BpeSymbol {
  std::uint32_t id = 0;
  std::uint32_t size_bytes = 0;
};

/// The merges of a BPE model: which two neighbours become one, the earlier listed the sooner. Immutable and
/// thread-safe.
class BpeMerges {
 public:
  /// `merges` is a list of "left right" or of [left, right]; the right one loses `continuing_prefix_bytes`
  /// bytes when joined. Errors: kCorrupt naming the merge.
  static Result<BpeMerges> read(const Json& merges, const Vocabulary& vocabulary,
                                std::size_t continuing_prefix_bytes, std::string_view where);

  /// Memory that apply() uses, to be kept between words.
  struct Scratch {
    struct Link {
      std::uint32_t previous, next;
    };
    struct Candidate {
      std::uint32_t rank, position, id;
    };
    std::vector<std::uint64_t> ranked;
    std::vector<Link> links;
    std::vector<Candidate> heap;
  };

  /// Merges neighbours of `word` in place until none is listed: always the pair of the lowest rank, of equal
  /// ones the leftmost (Sennrich et al. 2016).
  void apply(std::vector<BpeSymbol>& word, Scratch& scratch) const;

 private:
  struct Merge {
    std::uint32_t rank = kNoRank;
    std::uint32_t id = 0;
  };
  /// Open addressing, at most half full.
  struct Slot {
    std::uint64_t pair = kNoPair;
    Merge merge;
  };
  static constexpr std::uint32_t kNoRank = 0xFFFFFFFFU;
  static constexpr std::uint64_t kNoPair = 0xFFFFFFFFFFFFFFFFULL;

  Slot& slot_of(std::uint64_t pair);
  Merge find(std::uint32_t left, std::uint32_t right) const noexcept;
  void apply_by_scan(std::vector<BpeSymbol>& word, std::vector<std::uint64_t>& ranked) const;
  void apply_by_heap(std::vector<BpeSymbol>& word, Scratch& scratch) const;

  std::vector<Slot> slots_;  ///< A power of two of them.
};

}  // namespace epicrisis
