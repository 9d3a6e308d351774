#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/token_id.hpp"
#include "text/offsets.hpp"

namespace epicrisis {

/// A tokenized text. Both vectors have one entry a token; special tokens that stand for no text have {0, 0}.
struct Encoding {
  std::vector<TokenId> ids;
  std::vector<Offsets> offsets;
};

struct EncodeOptions {
  bool add_special_tokens = true;  ///< Apply the post-processor (the closing </s> of Pegasus).
  std::optional<std::size_t> max_length =
      std::nullopt;  ///< Cut on the right to this many ids, special tokens included.
};

/// A tokenizer.json of the Hugging Face `tokenizers` library, run natively: normalizer, pre-tokenizer, model,
/// post-processor, decoder. Immutable and thread-safe.
class Tokenizer {
 public:
  /// Reads tokenizer.json in `folder` (tokenizer_config.json beside it where it matters). Errors: kNotFound,
  /// kCorrupt, kUnsupported naming the component.
  static Result<Tokenizer> load(const std::filesystem::path& folder);
  /// Reads the text of a tokenizer.json. Errors as load().
  static Result<Tokenizer> parse(std::string_view text);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// `text` is UTF-8; invalid bytes become U+FFFD, as the reference's callers do.
  Encoding encode(std::string_view text, const EncodeOptions& options = {}) const;
  /// Two texts joined as the post-processor says; each token's offsets count in its own text. Too long, the
  /// longer text is cut first.
  Encoding encode_pair(std::string_view first, std::string_view second,
                       const EncodeOptions& options = {}) const;
  /// Text of `ids`; ids outside the vocabulary are skipped. No clean-up of spaces.
  std::string decode(const std::vector<TokenId>& ids, bool skip_special_tokens = true) const;

  std::size_t vocab_size() const noexcept;  ///< Added tokens included.
  std::optional<TokenId> token_to_id(std::string_view token) const;
  std::string id_to_token(TokenId id) const;  ///< Empty outside the vocabulary.

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace epicrisis
