#pragma once

#include "text/tokenizers/stages.hpp"
#include "text/unicode/properties.hpp"

namespace epicrisis {

/// NFD, NFKD, NFC and NFKC (UAX #15). A character that decomposes gives its place to the first of its parts,
/// a composed one stands for all that it was made of, as in the reference.
class UnicodeForm final : public Normalizer {
 public:
  UnicodeForm(Decomposition kind, bool compose) : kind_(kind), compose_(compose) {}
  void normalize(AlignedText& text) const override;

 private:
  Decomposition kind_;
  bool compose_;
};

/// Full lower case, one character at a time: no final sigma, no language.
class LowercaseNormalizer final : public Normalizer {
 public:
  void normalize(AlignedText& text) const override;
};

/// Leaves out all marks. Letters lose their accents only if NFD or NFKD went before.
class StripAccentsNormalizer final : public Normalizer {
 public:
  void normalize(AlignedText& text) const override;
};

/// SentencePiece's "nmt" rules without its NFKC: control characters go, other spaces become U+0020.
class NmtNormalizer final : public Normalizer {
 public:
  void normalize(AlignedText& text) const override;
};

/// BERT's BasicTokenizer up to its splits (Devlin et al. 2019).
class BertNormalizer final : public Normalizer {
 public:
  struct Options {
    bool clean_text = true;            ///< Control characters go, white space becomes U+0020.
    bool handle_chinese_chars = true;  ///< A space on both sides of each CJK ideograph.
    bool strip_accents = true;         ///< NFD without nonspacing marks.
    bool lowercase = true;
  };
  explicit BertNormalizer(const Options& options) : options_(options) {}
  void normalize(AlignedText& text) const override;

 private:
  Options options_;
};

}  // namespace epicrisis
