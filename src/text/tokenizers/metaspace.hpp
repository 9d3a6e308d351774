#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "text/tokenizers/stages.hpp"

namespace epicrisis {

/// Settings that the Metaspace pre-tokenizer and the Metaspace decoder share.
struct MetaspaceOptions {
  enum class Prepend { kAlways, kFirst, kNever };

  std::string replacement = "\u2581";         ///< One character that stands for a space.
  Prepend prepend_scheme = Prepend::kAlways;  ///< Which pieces get one in front.
  bool split = true;                          ///< Cut before every replacement.

  /// Reads the spellings of all releases: `add_prefix_space`, `prepend_scheme`. Errors: kCorrupt,
  /// kUnsupported.
  static Result<MetaspaceOptions> read(const Json& component, std::string_view where);
};

class MetaspacePreTokenizer final : public PreTokenizer {
 public:
  explicit MetaspacePreTokenizer(MetaspaceOptions options) : options_(std::move(options)) {}
  void pre_tokenize(PieceList& list) const override;

 private:
  bool prepends_to(const PieceList& list, const Piece& piece) const;
  void rewrite(const PieceList& list, const Piece& piece, PieceList& out) const;
  MetaspaceOptions options_;
};

class MetaspaceDecoder final : public Decoder {
 public:
  explicit MetaspaceDecoder(MetaspaceOptions options) : options_(std::move(options)) {}
  void decode(std::vector<std::string>& tokens) const override;

 private:
  MetaspaceOptions options_;
};

}  // namespace epicrisis
