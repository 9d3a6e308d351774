#include "text/tokenizers/pre_tokenizers.hpp"

#include <utility>
#include <vector>

#include "text/tokenizers/byte_level.hpp"
#include "text/tokenizers/component.hpp"
#include "text/tokenizers/metaspace.hpp"
#include "text/tokenizers/pattern.hpp"
#include "text/tokenizers/splitting.hpp"
#include "text/unicode/properties.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

class SequencePreTokenizer final : public PreTokenizer {
 public:
  explicit SequencePreTokenizer(std::vector<std::unique_ptr<PreTokenizer>> parts)
      : parts_(std::move(parts)) {}
  void pre_tokenize(PieceList& list) const override {
    const std::size_t before = list.aligned.text.size();
    for (const auto& part : parts_) {
      part->pre_tokenize(list);
      detail::check_growth(before, list.aligned.text.size());
    }
  }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> parts_;
};

/// Words between white space.
class WhitespaceSplit final : public PreTokenizer {
 public:
  void pre_tokenize(PieceList& list) const override {
    split_at_characters(list, SplitBehavior::kRemoved, is_white_space);
  }
};

/// Runs of word characters, and runs of what is neither word nor white space: \w+|[^\w\s]+.
class WhitespacePreTokenizer final : public PreTokenizer {
 public:
  void pre_tokenize(PieceList& list) const override {
    split_pieces(list, SplitBehavior::kRemoved, true, [](std::string_view text, Segmenter& segmenter) {
      enum class Kind { kSpace, kWord, kOther };
      Kind open = Kind::kSpace;
      std::size_t begin = 0;
      const auto close = [&](std::size_t end) {
        if (open != Kind::kSpace) segmenter.match(begin, end);
        begin = end;
      };
      for (std::size_t i = 0; i < text.size();) {
        const CodePoint next = decode_code_point(text, i);
        const Kind kind = is_white_space(next.value)      ? Kind::kSpace
                          : is_word_character(next.value) ? Kind::kWord
                                                          : Kind::kOther;
        if (kind != open) close(i);
        open = kind;
        i += next.size_bytes;
      }
      close(text.size());
    });
  }
};

class PunctuationPreTokenizer final : public PreTokenizer {
 public:
  explicit PunctuationPreTokenizer(SplitBehavior behavior) : behavior_(behavior) {}
  void pre_tokenize(PieceList& list) const override { split_at_characters(list, behavior_, is_punctuation); }

 private:
  SplitBehavior behavior_;
};

/// Numeric characters apart from all others, one by one or in runs.
class DigitsPreTokenizer final : public PreTokenizer {
 public:
  explicit DigitsPreTokenizer(bool individual) : individual_(individual) {}
  void pre_tokenize(PieceList& list) const override {
    split_at_characters(list, individual_ ? SplitBehavior::kIsolated : SplitBehavior::kContiguous, is_number);
  }

 private:
  bool individual_;
};

/// BERT's words: between white space, with each punctuation character on its own.
class BertPreTokenizer final : public PreTokenizer {
 public:
  void pre_tokenize(PieceList& list) const override {
    split_at_characters(list, SplitBehavior::kRemoved, is_white_space);
    split_at_characters(list, SplitBehavior::kIsolated, is_punctuation);
  }
};

class CharDelimiterSplit final : public PreTokenizer {
 public:
  explicit CharDelimiterSplit(char32_t delimiter) : delimiter_(delimiter) {}
  void pre_tokenize(PieceList& list) const override {
    split_at_characters(list, SplitBehavior::kRemoved, [this](char32_t c) { return c == delimiter_; });
  }

 private:
  char32_t delimiter_;
};

class SplitPreTokenizer final : public PreTokenizer {
 public:
  SplitPreTokenizer(Pattern pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}
  void pre_tokenize(PieceList& list) const override {
    split_pieces(list, behavior_, invert_, [this](std::string_view text, Segmenter& segmenter) {
      pattern_.for_each_match(text, [&](const ByteRange& match) { segmenter.match(match.begin, match.end); });
    });
  }

 private:
  Pattern pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

Result<std::unique_ptr<PreTokenizer>> read_split(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(Pattern pattern, Pattern::read(component, where));
  EPICRISIS_ASSIGN_OR_RETURN(const SplitBehavior behavior,
                             read_split_behavior(component, std::nullopt, where));
  EPICRISIS_ASSIGN_OR_RETURN(const bool invert, detail::flag_member(component, "invert", false, where));
  return std::make_unique<SplitPreTokenizer>(std::move(pattern), behavior, invert);
}

Result<std::unique_ptr<PreTokenizer>> read_char_delimiter(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string delimiter, detail::text_member(component, "delimiter", where));
  if (count_code_points(delimiter) != 1)
    return detail::damaged_tokenizer(where, "'delimiter' must be one character");
  return std::make_unique<CharDelimiterSplit>(decode_code_point(delimiter, 0).value);
}

Result<std::unique_ptr<PreTokenizer>> read_sequence(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json* list, detail::list_member(component, "pretokenizers", where));
  std::vector<std::unique_ptr<PreTokenizer>> parts;
  for (std::size_t i = 0; i < list->size(); ++i) {
    EPICRISIS_ASSIGN_OR_RETURN(auto part,
                               read_pre_tokenizer((*list)[i], fmt::format("{}.pretokenizers[{}]", where, i)));
    parts.push_back(std::move(part));
  }
  return std::make_unique<SequencePreTokenizer>(std::move(parts));
}

}  // namespace

Result<std::unique_ptr<PreTokenizer>> read_pre_tokenizer(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string type, detail::component_type(component, where));
  if (type == "Sequence") return read_sequence(component, where);
  if (type == "WhitespaceSplit") return std::make_unique<WhitespaceSplit>();
  if (type == "Whitespace") return std::make_unique<WhitespacePreTokenizer>();
  if (type == "BertPreTokenizer") return std::make_unique<BertPreTokenizer>();
  if (type == "CharDelimiterSplit") return read_char_delimiter(component, where);
  if (type == "Split") return read_split(component, where);
  if (type == "Punctuation") {
    EPICRISIS_ASSIGN_OR_RETURN(const SplitBehavior behavior,
                               read_split_behavior(component, SplitBehavior::kIsolated, where));
    return std::make_unique<PunctuationPreTokenizer>(behavior);
  }
  if (type == "Digits") {
    EPICRISIS_ASSIGN_OR_RETURN(const bool individual,
                               detail::flag_member(component, "individual_digits", false, where));
    return std::make_unique<DigitsPreTokenizer>(individual);
  }
  if (type == "ByteLevel") {
    EPICRISIS_ASSIGN_OR_RETURN(ByteLevelPreTokenizer byte_level,
                               ByteLevelPreTokenizer::read(component, where));
    return std::make_unique<ByteLevelPreTokenizer>(std::move(byte_level));
  }
  if (type == "Metaspace") {
    EPICRISIS_ASSIGN_OR_RETURN(MetaspaceOptions options, MetaspaceOptions::read(component, where));
    return std::make_unique<MetaspacePreTokenizer>(std::move(options));
  }
  return detail::unsupported_component(where, fmt::format("the pre-tokenizer '{}'", type));
}

}  // namespace epicrisis
