#include "text/tokenizers/decoders.hpp"

#include <utility>

#include "text/tokenizers/component.hpp"
#include "text/tokenizers/metaspace.hpp"
#include "text/tokenizers/pattern.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

class SequenceDecoder final : public Decoder {
 public:
  explicit SequenceDecoder(std::vector<std::unique_ptr<Decoder>> parts) : parts_(std::move(parts)) {}
  void decode(std::vector<std::string>& tokens) const override {
    for (const auto& part : parts_) part->decode(tokens);
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
      for (auto match = pattern_.find(token, 0); match; match = pattern_.find(token, kept)) {
        replaced.append(token, kept, match->begin - kept).append(content_);
        kept = match->end;
      }
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
  if (type == "Metaspace") {
    EPICRISIS_ASSIGN_OR_RETURN(MetaspaceOptions options, MetaspaceOptions::read(component, where));
    return std::make_unique<MetaspaceDecoder>(std::move(options));
  }
  if (type == "Replace") {
    EPICRISIS_ASSIGN_OR_RETURN(Pattern pattern, Pattern::read(component, where));
    EPICRISIS_ASSIGN_OR_RETURN(std::string content, detail::text_member(component, "content", where));
    return std::make_unique<ReplaceDecoder>(std::move(pattern), std::move(content));
  }
  return detail::unsupported_component(where, fmt::format("the decoder '{}'", type));
}

}  // namespace epicrisis
