#include "text/tokenizers/post_processors.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "base/token_id.hpp"
#include "text/tokenizers/component.hpp"
#include "text/tokenizers/template_processing.hpp"

namespace epicrisis {
namespace {

/// Takes the spaces at the ends of tokens out of their offsets. A single space that the pre-tokenizer may
/// have put before the first word stays: no character of the text stands for it.
void trim_offsets(ProcessedText& text, bool add_prefix_space) {
  for (std::size_t i = 0; i < text.ids.size(); ++i) {
    Offsets& offsets = text.offsets[i];
    std::uint32_t leading = text.spaces[i].leading;
    const std::uint32_t trailing = text.spaces[i].trailing;
    if (leading == 1 && add_prefix_space && (i == 0 || offsets.begin == 0)) leading = 0;
    offsets.begin = std::min(offsets.begin + leading, offsets.end);
    if (trailing > 0 && offsets.end >= trailing)
      offsets.end = std::max(offsets.end - trailing, offsets.begin);
  }
}

/// Trims offsets, or leaves all as it is.
class ByteLevelPostProcessor final : public PostProcessor {
 public:
  ByteLevelPostProcessor(bool trim, bool add_prefix_space)
      : trim_(trim), add_prefix_space_(add_prefix_space) {}
  std::size_t added_tokens(bool) const override { return 0; }
  bool needs_spaces() const override { return trim_; }
  void process(std::vector<ProcessedText>& parts, bool) const override {
    if (!trim_) return;
    for (ProcessedText& part : parts) trim_offsets(part, add_prefix_space_);
  }

 private:
  bool trim_;
  bool add_prefix_space_;
};

/// [CLS] A [SEP] B [SEP] of BERT, or <s> A </s> </s> B </s> of RoBERTa, which trims offsets as well.
class ClassifierPostProcessor final : public PostProcessor {
 public:
  struct Options {
    TokenId sep = 0;
    TokenId cls = 0;
    bool roberta = false;
    bool trim = false;
    bool add_prefix_space = false;
  };
  explicit ClassifierPostProcessor(const Options& options) : options_(options) {}

  std::size_t added_tokens(bool pair) const override { return pair ? (options_.roberta ? 4 : 3) : 2; }
  bool needs_spaces() const override { return options_.trim; }
  void process(std::vector<ProcessedText>& parts, bool add_special_tokens) const override {
    if (options_.trim)
      for (ProcessedText& part : parts) trim_offsets(part, options_.add_prefix_space);
    if (!add_special_tokens) return;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      ProcessedText framed;
      if (i == 0) framed.append(options_.cls);
      if (i > 0 && options_.roberta) framed.append(options_.sep);
      framed.append(parts[i]);
      framed.append(options_.sep);
      parts[i] = std::move(framed);
    }
  }

 private:
  Options options_;
};

class SequencePostProcessor final : public PostProcessor {
 public:
  explicit SequencePostProcessor(std::vector<std::unique_ptr<PostProcessor>> parts)
      : parts_(std::move(parts)) {}
  std::size_t added_tokens(bool pair) const override {
    std::size_t count = 0;
    for (const auto& part : parts_) count += part->added_tokens(pair);
    return count;
  }
  bool needs_spaces() const override {
    return std::any_of(parts_.begin(), parts_.end(), [](const auto& part) { return part->needs_spaces(); });
  }
  void process(std::vector<ProcessedText>& texts, bool add_special_tokens) const override {
    for (const auto& part : parts_) part->process(texts, add_special_tokens);
  }

 private:
  std::vector<std::unique_ptr<PostProcessor>> parts_;
};

/// Member `key`, a pair of a token's text and its id.
Result<TokenId> token_member(const Json& component, std::string_view key, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json* pair, detail::list_member(component, key, where));
  if (pair->size() != 2 || !(*pair)[1].is_number_unsigned() ||
      (*pair)[1].get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<TokenId>::max()))
    return detail::damaged_tokenizer(where, fmt::format("'{}' must be a text and an id", key));
  return (*pair)[1].get<TokenId>();
}

Result<std::unique_ptr<PostProcessor>> read_classifier(const Json& component, bool roberta,
                                                       std::string_view where) {
  ClassifierPostProcessor::Options options;
  options.roberta = roberta;
  EPICRISIS_ASSIGN_OR_RETURN(options.sep, token_member(component, "sep", where));
  EPICRISIS_ASSIGN_OR_RETURN(options.cls, token_member(component, "cls", where));
  EPICRISIS_ASSIGN_OR_RETURN(options.trim, detail::flag_member(component, "trim_offsets", true, where));
  EPICRISIS_ASSIGN_OR_RETURN(options.add_prefix_space,
                             detail::flag_member(component, "add_prefix_space", true, where));
  if (!roberta) options.trim = false;
  return std::make_unique<ClassifierPostProcessor>(options);
}

Result<std::unique_ptr<PostProcessor>> read_byte_level(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const bool trim, detail::flag_member(component, "trim_offsets", true, where));
  EPICRISIS_ASSIGN_OR_RETURN(const bool add_prefix_space,
                             detail::flag_member(component, "add_prefix_space", true, where));
  return std::make_unique<ByteLevelPostProcessor>(trim, add_prefix_space);
}

/// A template takes one text or two; another one leaves more parts than that when it adds special tokens.
Result<std::unique_ptr<PostProcessor>> read_sequence(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json* list, detail::list_member(component, "processors", where));
  std::vector<std::unique_ptr<PostProcessor>> parts;
  bool after_template = false;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string place = fmt::format("{}.processors[{}]", where, i);
    EPICRISIS_ASSIGN_OR_RETURN(const std::string type, detail::component_type((*list)[i], place));
    const bool has_template = type == "TemplateProcessing" || type == "Sequence";
    if (has_template && std::exchange(after_template, true))
      return detail::unsupported_component(place, "a TemplateProcessing after another");
    EPICRISIS_ASSIGN_OR_RETURN(auto part, read_post_processor((*list)[i], place));
    parts.push_back(std::move(part));
  }
  return std::make_unique<SequencePostProcessor>(std::move(parts));
}

}  // namespace

void ProcessedText::append(const ProcessedText& other) {
  ids.insert(ids.end(), other.ids.begin(), other.ids.end());
  offsets.insert(offsets.end(), other.offsets.begin(), other.offsets.end());
  spaces.insert(spaces.end(), other.spaces.begin(), other.spaces.end());
}

void ProcessedText::append(TokenId id) {
  ids.push_back(id);
  offsets.emplace_back();
  spaces.emplace_back();
}

Result<std::unique_ptr<PostProcessor>> read_post_processor(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string type, detail::component_type(component, where));
  if (type == "Sequence") return read_sequence(component, where);
  if (type == "ByteLevel") return read_byte_level(component, where);
  if (type == "BertProcessing") return read_classifier(component, false, where);
  if (type == "RobertaProcessing") return read_classifier(component, true, where);
  if (type == "TemplateProcessing") return read_template_processing(component, where);
  return detail::unsupported_component(where, fmt::format("the post-processor '{}'", type));
}

}  // namespace epicrisis
