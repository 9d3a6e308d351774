#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/token_id.hpp"

namespace epicrisis {

/// The "vocab" of BPE, WordPiece and WordLevel: texts and their ids, both ways. Immutable and thread-safe.
class Vocabulary {
 public:
  static constexpr std::uint32_t kNone = 0xFFFFFFFFU;

  /// `vocab` is an object of texts to ids. Errors: kCorrupt, also for an id that two texts have and for ids
  /// far beyond the number of entries, which would take memory that the file does not account for.
  static Result<Vocabulary> read(const Json& vocab, std::string_view where);

  /// The id of `text`, or kNone.
  std::uint32_t find(std::string_view text) const noexcept;
  /// Empty for ids that stand for nothing.
  std::string_view text(std::uint32_t id) const noexcept {
    return id + std::size_t{1} < bounds_.size()
               ? std::string_view(texts_).substr(bounds_[id], bounds_[id + 1] - bounds_[id])
               : std::string_view();
  }
  /// One more than the largest id.
  std::uint32_t id_bound() const noexcept { return static_cast<std::uint32_t>(bounds_.size() - 1); }

  // The two look-ups that Model asks for.
  std::optional<TokenId> token_to_id(std::string_view token) const noexcept;
  std::string_view id_to_token(TokenId id) const noexcept {
    return id < 0 ? std::string_view() : text(static_cast<std::uint32_t>(id));
  }

 private:
  /// Open addressing, at most half full. The upper bits of the hash spare most comparisons of texts.
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t id = kNone;
  };
  void insert(std::uint32_t id);

  std::string texts_;                        ///< By id, one after the other.
  std::vector<std::uint32_t> bounds_ = {0};  ///< Text of id: bytes [bounds_[id], bounds_[id + 1]).
  std::vector<Slot> slots_;                  ///< A power of two of them.
};

}  // namespace epicrisis
