#include "text/tokenizers/decoders.hpp"

#include <charconv>
#include <optional>
#include <utility>

#include "text/replace_all.hpp"
#include "text/tokenizers/byte_level.hpp"
#include "text/tokenizers/cleaning_decoders.hpp"
#include "text/tokenizers/component.hpp"
#include "text/tokenizers/metaspace.hpp"
#include "text/tokenizers/pattern.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

std::size_t total_bytes(const std::vector<std::string>& tokens) {
  std::size_t total = 0;
  for (const std::string& token : tokens) total += token.size();
  return total;
}

class SequenceDecoder final : public Decoder {
 public:
  explicit SequenceDecoder(std::vector<std::unique_ptr<Decoder>> parts) : parts_(std::move(parts)) {}
  void decode(std::vector<std::string>& tokens) const override {
    const std::size_t before = total_bytes(tokens);
    for (const auto& part : parts_) {
      part->decode(tokens);
      detail::check_growth(before, total_bytes(tokens));
    }
  }

 private:
  std::vector<std::unique_ptr<Decoder>> parts_;
};

class ReplaceDecoder final : public Decoder {
 public:
  ReplaceDecoder(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  void decode(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      std::string replaced;
      std::size_t kept = 0;
      pattern_.for_each_match(token, [&](const ByteRange& match) {
        replaced.append(token, kept, match.begin - kept).append(content_);
        kept = match.end;
      });
      token = replaced.append(token, kept);
    }
  }

 private:
  Pattern pattern_;
  std::string content_;
};

/// Joins all tokens into one, for decoders that follow.
class FuseDecoder final : public Decoder {
 public:
  void decode(std::vector<std::string>& tokens) const override {
    std::string text;
    for (const std::string& token : tokens) text += token;
    tokens.assign(1, std::move(text));
  }
};

/// Takes at most `start` and `stop` copies of one character off the ends of each token.
class StripDecoder final : public Decoder {
 public:
  StripDecoder(std::string content, std::size_t start, std::size_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}
  void decode(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      std::string_view kept = token;
      for (std::size_t i = 0; i < start_ && kept.starts_with(content_); ++i)
        kept.remove_prefix(content_.size());
      for (std::size_t i = 0; i < stop_ && kept.ends_with(content_); ++i) kept.remove_suffix(content_.size());
      token = std::string(kept);
    }
  }

 private:
  std::string content_;
  std::size_t start_;
  std::size_t stop_;
};

/// Joins words whose last token ends in `suffix`, which becomes a space.
class BpeDecoder final : public Decoder {
 public:
  explicit BpeDecoder(std::string suffix) : suffix_(std::move(suffix)) {}
  void decode(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i)
      tokens[i] = replace_all(tokens[i], suffix_, i + 1 == tokens.size() ? "" : " ");
  }

 private:
  std::string suffix_;
};

/// The byte that a token like "<0x0A>" stands for.
std::optional<char> byte_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) return std::nullopt;
  unsigned value = 0;
  const auto [end, failure] = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
  if (failure != std::errc() || end != token.data() + 5) return std::nullopt;
  return static_cast<char>(value);
}

/// Joins neighbouring byte tokens; if they are no UTF-8 together, each is U+FFFD.
class ByteFallbackDecoder final : public Decoder {
 public:
  void decode(std::vector<std::string>& tokens) const override {
    std::vector<std::string> out;
    std::string bytes;
    const auto flush = [&] {
      if (is_valid_utf8(bytes)) {
        if (!bytes.empty()) out.push_back(bytes);
      } else {
        out.insert(out.end(), bytes.size(), std::string(kReplacementCharacter));
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const auto byte = byte_token(token)) {
        bytes.push_back(*byte);
      } else {
        flush();
        out.push_back(std::move(token));
      }
    }
    flush();
    tokens = std::move(out);
  }
};

Result<std::unique_ptr<Decoder>> read_bpe(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(std::string suffix, detail::text_member(component, "suffix", where));
  if (suffix.empty()) return detail::damaged_tokenizer(where, "'suffix' must not be empty");
  return std::make_unique<BpeDecoder>(std::move(suffix));
}

Result<std::unique_ptr<Decoder>> read_sequence(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json* list, detail::list_member(component, "decoders", where));
  std::vector<std::unique_ptr<Decoder>> parts;
  for (std::size_t i = 0; i < list->size(); ++i) {
    EPICRISIS_ASSIGN_OR_RETURN(auto part, read_decoder((*list)[i], fmt::format("{}.decoders[{}]", where, i)));
    parts.push_back(std::move(part));
  }
  return std::make_unique<SequenceDecoder>(std::move(parts));
}

Result<std::unique_ptr<Decoder>> read_strip(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(std::string content, detail::text_member(component, "content", where));
  if (count_code_points(content) != 1)
    return detail::damaged_tokenizer(where, "'content' must be one character");
  std::size_t counts[2] = {0, 0};
  for (int i = 0; i < 2; ++i) {
    const auto count = component.find(i == 0 ? "start" : "stop");
    if (count == component.end() || !count->is_number_unsigned())
      return detail::damaged_tokenizer(where, "'start' and 'stop' must be whole numbers");
    counts[i] = count->get<std::size_t>();
  }
  return std::make_unique<StripDecoder>(std::move(content), counts[0], counts[1]);
}

}  // namespace

Result<std::unique_ptr<Decoder>> read_decoder(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string type, detail::component_type(component, where));
  if (type == "Sequence") return read_sequence(component, where);
  if (type == "Fuse") return std::make_unique<FuseDecoder>();
  if (type == "Strip") return read_strip(component, where);
  if (type == "ByteLevel") return std::make_unique<ByteLevelDecoder>();
  if (type == "ByteFallback") return std::make_unique<ByteFallbackDecoder>();
  if (type == "BPEDecoder") return read_bpe(component, where);
  if (type == "WordPiece") return read_word_piece_decoder(component, where);
  if (type == "CTC") return read_ctc_decoder(component, where);
  if (type == "Metaspace") {
    EPICRISIS_ASSIGN_OR_RETURN(MetaspaceOptions options, MetaspaceOptions::read(component, where));
    return std::make_unique<MetaspaceDecoder>(std::move(options));
  }
  if (type == "Replace") {
    EPICRISIS_ASSIGN_OR_RETURN(Pattern pattern, Pattern::read(component, where));
    EPICRISIS_ASSIGN_OR_RETURN(std::string content, read_replacement(component, where));
    return std::make_unique<ReplaceDecoder>(std::move(pattern), std::move(content));
  }
  return detail::unsupported_component(where, fmt::format("the decoder '{}'", type));
}

}  // namespace epicrisis
