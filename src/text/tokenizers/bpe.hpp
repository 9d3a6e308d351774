#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "text/tokenizers/bpe_merges.hpp"
#include "text/tokenizers/vocabulary_model.hpp"

namespace epicrisis {

/// Byte-pair encoding (Sennrich et al. 2016): a word starts as characters, and listed neighbours merge.
class BpeModel final : public VocabularyModel {
 public:
  /// Errors: kCorrupt; kUnsupported for dropout and for byte fallback together with affixes.
  static Result<BpeModel> read(const Json& component, std::string_view where);

  void tokenize(const PieceList& list, std::vector<Token>& tokens) const override;

 private:
  /// Working memory of one call.
  struct Scratch {
    std::vector<BpeSymbol> word;
    BpeMerges::Scratch merges;
    std::string text;
  };
  /// What is known of an entry's own text: whether it is encoded as that one entry.
  enum class Whole : std::uint8_t { kUnknown, kYes, kNo };

  BpeModel() = default;
  Result<void> read_unknown(const Json& component, std::string_view where);
  void index_characters();
  void encode(std::string_view word, Scratch& scratch) const;
  void add_characters(std::string_view word, Scratch& scratch) const;
  std::uint32_t character_id(std::string_view word, std::size_t begin, std::size_t end,
                             Scratch& scratch) const;
  bool add_bytes(std::string_view character, std::vector<BpeSymbol>& word) const;
  bool is_whole(std::uint32_t id, std::string_view text, Scratch& scratch) const;

  static constexpr std::size_t kIndexedCharacters = 0x250;  ///< Latin and the byte alphabet.

  BpeMerges merges_;
  std::string prefix_;  ///< continuing_subword_prefix: before all characters but a word's first.
  std::string suffix_;  ///< end_of_word_suffix: after a word's last character.
  std::uint32_t unk_id_ = Vocabulary::kNone;
  bool fuse_unk_ = false;  ///< Unknown neighbours are one token.
  bool byte_fallback_ =
      false;  ///< Unknown characters become tokens of their bytes, "<0x0A>", if there are such.
  bool ignore_merges_ = false;  ///< A word that is an entry is that entry, whatever the merges say.
  std::array<std::uint32_t, kIndexedCharacters> characters_{};
  std::array<std::uint32_t, 256> bytes_{};
  /// One Whole for each id, found out when first needed. Relaxed: all threads find the same.
  std::unique_ptr<std::atomic<Whole>[]> whole_;
};

}  // namespace epicrisis
