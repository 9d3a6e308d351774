#include "text/tokenizers/normalizers.hpp"

#include <optional>
#include <utility>
#include <vector>

#include "text/tokenizers/byte_level.hpp"
#include "text/tokenizers/component.hpp"
#include "text/tokenizers/pattern.hpp"
#include "text/tokenizers/precompiled_charsmap.hpp"
#include "text/tokenizers/unicode_normalizers.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

class SequenceNormalizer final : public Normalizer {
 public:
  explicit SequenceNormalizer(std::vector<std::unique_ptr<Normalizer>> parts) : parts_(std::move(parts)) {}
  void normalize(AlignedText& text) const override {
    const std::size_t before = text.text.size();
    for (const auto& part : parts_) {
      part->normalize(text);
      detail::check_growth(before, text.text.size());
    }
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> parts_;
};

/// Each match becomes `content`, which stands for the last character of the match.
class ReplaceNormalizer final : public Normalizer {
 public:
  ReplaceNormalizer(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  void normalize(AlignedText& aligned) const override {
    if (aligned.text.empty()) return;
    AlignedText out;
    std::size_t kept = 0;
    bool changed = false;
    pattern_.for_each_match(aligned.text, [&](const ByteRange& match) {
      if (!std::exchange(changed, true)) out.reserve(aligned.text.size());
      out.append(aligned, kept, match.begin);
      const std::uint32_t start = aligned.alignment.front().begin;
      out.append(content_, match.end > 0 ? aligned.alignment[match.end - 1] : Offsets{start, start});
      kept = match.end;
    });
    if (!changed) return;
    out.append(aligned, kept, aligned.text.size());
    aligned = std::move(out);
  }

 private:
  Pattern pattern_;
  std::string content_;
};

/// Puts a text before any that is not empty; it stands for the first character.
class PrependNormalizer final : public Normalizer {
 public:
  explicit PrependNormalizer(std::string content) : content_(std::move(content)) {}
  void normalize(AlignedText& aligned) const override {
    if (aligned.text.empty()) return;
    aligned.text.insert(0, content_);
    const Offsets origin = aligned.alignment.front();
    aligned.alignment.insert(aligned.alignment.begin(), content_.size(), origin);
  }

 private:
  std::string content_;
};

class StripNormalizer final : public Normalizer {
 public:
  StripNormalizer(bool left, bool right) : left_(left), right_(right) {}
  void normalize(AlignedText& aligned) const override {
    std::size_t begin = 0;
    std::size_t end = aligned.text.size();
    while (left_ && begin < end) {
      const CodePoint first = decode_code_point(aligned.text, begin);
      if (!is_white_space(first.value)) break;
      begin += first.size_bytes;
    }
    while (right_ && begin < end) {
      std::size_t last = end - 1;
      while (is_continuation(aligned.text[last])) --last;
      if (!is_white_space(decode_code_point(aligned.text, last).value)) break;
      end = last;
    }
    if (begin == 0 && end == aligned.text.size()) return;
    AlignedText out;
    out.append(aligned, begin, end);
    aligned = std::move(out);
  }

 private:
  bool left_;
  bool right_;
};

/// strip_accents null follows lowercase, as in BERT.
Result<std::unique_ptr<Normalizer>> read_bert(const Json& component, std::string_view where) {
  BertNormalizer::Options options;
  EPICRISIS_ASSIGN_OR_RETURN(options.clean_text, detail::flag_member(component, "clean_text", true, where));
  EPICRISIS_ASSIGN_OR_RETURN(options.handle_chinese_chars,
                             detail::flag_member(component, "handle_chinese_chars", true, where));
  EPICRISIS_ASSIGN_OR_RETURN(options.lowercase, detail::flag_member(component, "lowercase", true, where));
  EPICRISIS_ASSIGN_OR_RETURN(options.strip_accents,
                             detail::flag_member(component, "strip_accents", options.lowercase, where));
  return std::make_unique<BertNormalizer>(options);
}

/// The normalizers that have no settings; null for other names.
std::unique_ptr<Normalizer> plain_normalizer(std::string_view type) {
  if (type == "NFC") return std::make_unique<UnicodeForm>(Decomposition::kCanonical, true);
  if (type == "NFD") return std::make_unique<UnicodeForm>(Decomposition::kCanonical, false);
  if (type == "NFKC") return std::make_unique<UnicodeForm>(Decomposition::kCompatibility, true);
  if (type == "NFKD") return std::make_unique<UnicodeForm>(Decomposition::kCompatibility, false);
  if (type == "Lowercase") return std::make_unique<LowercaseNormalizer>();
  if (type == "StripAccents") return std::make_unique<StripAccentsNormalizer>();
  if (type == "Nmt") return std::make_unique<NmtNormalizer>();
  if (type == "ByteLevel") return std::make_unique<ByteLevelNormalizer>();
  return nullptr;
}

Result<std::unique_ptr<Normalizer>> read_sequence(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json* list, detail::list_member(component, "normalizers", where));
  std::vector<std::unique_ptr<Normalizer>> parts;
  for (std::size_t i = 0; i < list->size(); ++i) {
    EPICRISIS_ASSIGN_OR_RETURN(auto part,
                               read_normalizer((*list)[i], fmt::format("{}.normalizers[{}]", where, i)));
    parts.push_back(std::move(part));
  }
  return std::make_unique<SequenceNormalizer>(std::move(parts));
}

}  // namespace

Result<std::unique_ptr<Normalizer>> read_normalizer(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string type, detail::component_type(component, where));
  if (type == "Sequence") return read_sequence(component, where);
  if (auto plain = plain_normalizer(type)) return plain;
  if (type == "BertNormalizer") return read_bert(component, where);
  if (type == "Precompiled") {
    EPICRISIS_ASSIGN_OR_RETURN(const std::string base64,
                               detail::text_member(component, "precompiled_charsmap", where));
    EPICRISIS_ASSIGN_OR_RETURN(PrecompiledCharsmap map, PrecompiledCharsmap::parse_base64(base64, where));
    return std::make_unique<PrecompiledCharsmap>(std::move(map));
  }
  if (type == "Replace") {
    EPICRISIS_ASSIGN_OR_RETURN(Pattern pattern, Pattern::read(component, where));
    EPICRISIS_ASSIGN_OR_RETURN(std::string content, read_replacement(component, where));
    return std::make_unique<ReplaceNormalizer>(std::move(pattern), std::move(content));
  }
  if (type == "Prepend") {
    EPICRISIS_ASSIGN_OR_RETURN(std::string content, detail::text_member(component, "prepend", where));
    return std::make_unique<PrependNormalizer>(std::move(content));
  }
  if (type == "Strip") {
    EPICRISIS_ASSIGN_OR_RETURN(const bool left, detail::flag_member(component, "strip_left", true, where));
    EPICRISIS_ASSIGN_OR_RETURN(const bool right, detail::flag_member(component, "strip_right", true, where));
    return std::make_unique<StripNormalizer>(left, right);
  }
  return detail::unsupported_component(where, fmt::format("the normalizer '{}'", type));
}

}  // namespace epicrisis
