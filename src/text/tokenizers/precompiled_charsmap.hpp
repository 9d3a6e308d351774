#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "text/tokenizers/stages.hpp"

namespace epicrisis {

/// SentencePiece's compiled normalization rules (NormalizerSpec.precompiled_charsmap): a little-endian uint32
/// with the size of a Darts-clone double array, the array, then replacement strings that end in NUL.
///
/// Applied as the `tokenizers` library does: one extended grapheme cluster at a time (UAX #29); a cluster
/// shorter than six bytes is looked up whole first, then its code points one by one. A look-up takes the
/// shortest key that the text starts with and replaces all of what was looked up.
class PrecompiledCharsmap final : public Normalizer {
 public:
  /// `base64` as tokenizer.json holds it. Errors: kCorrupt naming `where`.
  static Result<PrecompiledCharsmap> parse_base64(std::string_view base64, std::string_view where);
  static Result<PrecompiledCharsmap> parse(std::string_view bytes, std::string_view where);

  void normalize(AlignedText& text) const override;
  /// What `text` as a whole becomes, or nothing when no rule applies.
  std::optional<std::string_view> find(std::string_view text) const;

 private:
  PrecompiledCharsmap(std::vector<std::uint32_t> units, std::string replacements);
  std::size_t plain_run_end(std::string_view text, std::size_t begin) const;

  std::vector<std::uint32_t> units_;
  std::string replacements_;
  std::array<bool, 256> plain_{};  ///< ASCII bytes that no rule changes.
};

}  // namespace epicrisis
