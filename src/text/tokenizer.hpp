#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/token_id.hpp"
#include "text/offsets.hpp"

namespace epicrisis {

/// A tokenized text. `ids` and `offsets` have one entry a token; special tokens and padding, which stand for
/// no text, have {0, 0}.
struct Encoding {
  std::vector<TokenId> ids;
  std::vector<Offsets> offsets;
  std::vector<std::uint8_t> attention_mask =
      {};  ///< 0 for padding, 1 for others; empty unless it was padded.
};

enum class Side { kRight, kLeft };

/// Which text of a pair is cut when both together are too long.
enum class TruncationStrategy { kLongestFirst, kOnlyFirst, kOnlySecond };

struct PaddingOptions {
  std::size_t length = 0;       ///< Fill up to this many ids; 0: to its own number.
  std::size_t multiple_of = 1;  ///< And on to the next multiple of this.
  Side side = Side::kRight;     ///< Where padding goes.
  TokenId pad_id = 0;
};

struct EncodeOptions {
  bool add_special_tokens = true;  ///< Add what the post-processor adds (the closing </s> of Pegasus).
  std::optional<std::size_t> max_length =
      std::nullopt;                     ///< Cut to this many ids, special tokens included, which stay.
  Side truncation_side = Side::kRight;  ///< Where tokens are cut off.
  TruncationStrategy truncation_strategy = TruncationStrategy::kLongestFirst;  ///< Of pairs.
  std::optional<PaddingOptions> padding = std::nullopt;
};

/// Fills `encoding` up as `options` say.
void pad(Encoding& encoding, const PaddingOptions& options);
/// Fills all up to the length of the longest or to `options.length`, whichever is larger.
void pad_batch(std::span<Encoding> encodings, PaddingOptions options);

/// A tokenizer.json of the Hugging Face `tokenizers` library, run natively: normalizer, pre-tokenizer, model,
/// post-processor, decoder. Immutable and thread-safe.
class Tokenizer {
 public:
  /// Reads tokenizer.json in `folder`, or, where there is none, builds the same from spiece.model or from
  /// vocab.json and merges.txt (text/tokenizers/slow_files.hpp). Errors: kNotFound, kCorrupt, kUnsupported
  /// naming the component.
  static Result<Tokenizer> load(const std::filesystem::path& folder);
  /// Reads the text of a tokenizer.json. Errors as load().
  static Result<Tokenizer> parse(std::string_view text);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// `text` is UTF-8; invalid bytes become U+FFFD, as the reference's callers do.
  Encoding encode(std::string_view text, const EncodeOptions& options = {}) const;
  /// Two texts joined as the post-processor says; each token's offsets count in its own text.
  /// Errors: kInvalidArgument when the text that the strategy cuts is too short to make room.
  Result<Encoding> encode_pair(std::string_view first, std::string_view second,
                               const EncodeOptions& options = {}) const;
  /// Text of `ids`; ids outside the vocabulary are skipped. No clean-up of spaces.
  std::string decode(const std::vector<TokenId>& ids, bool skip_special_tokens = true) const;

  /// What the blocks "truncation" and "padding" of tokenizer.json ask for. They do not apply by themselves,
  /// as in transformers.
  const EncodeOptions& stored_options() const noexcept;

  std::size_t vocab_size() const noexcept;  ///< Added tokens included.
  std::optional<TokenId> token_to_id(std::string_view token) const;
  std::string id_to_token(TokenId id) const;  ///< Empty outside the vocabulary.

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace epicrisis
