#include "text/tokenizers/post_processors.hpp"

#include <limits>
#include <utility>
#include <vector>

#include "text/tokenizers/component.hpp"

namespace epicrisis {
namespace {

/// One slot of a template: a text, or special tokens.
struct TemplatePart {
  enum class Kind { kFirst, kSecond, kSpecial };
  Kind kind = Kind::kSpecial;
  std::uint8_t type_id = 0;
  std::vector<TokenId> ids;  ///< Of kSpecial.
};
using Template = std::vector<TemplatePart>;

void append(ProcessedText& out, const ProcessedText& text, std::uint8_t type_id) {
  out.ids.insert(out.ids.end(), text.ids.begin(), text.ids.end());
  out.offsets.insert(out.offsets.end(), text.offsets.begin(), text.offsets.end());
  out.type_ids.insert(out.type_ids.end(), text.ids.size(), type_id);
}

/// Texts and special tokens in a fixed order, one order for a single text and one for a pair.
class TemplateProcessing final : public PostProcessor {
 public:
  TemplateProcessing(Template single, Template pair) : single_(std::move(single)), pair_(std::move(pair)) {}

  std::size_t added_tokens(bool pair) const override {
    std::size_t count = 0;
    for (const TemplatePart& part : pair ? pair_ : single_) count += part.ids.size();
    return count;
  }

  ProcessedText process(ProcessedText first, const ProcessedText* second) const override {
    ProcessedText out;
    for (const TemplatePart& part : second != nullptr ? pair_ : single_) {
      switch (part.kind) {
        case TemplatePart::Kind::kFirst:
          append(out, first, part.type_id);
          break;
        case TemplatePart::Kind::kSecond:
          if (second != nullptr) append(out, *second, part.type_id);
          break;
        case TemplatePart::Kind::kSpecial:
          append(out, {part.ids, std::vector<Offsets>(part.ids.size()), {}}, part.type_id);
          break;
      }
    }
    return out;
  }

 private:
  Template single_;
  Template pair_;
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
  ProcessedText process(ProcessedText first, const ProcessedText* second) const override {
    for (const auto& part : parts_) {
      first = part->process(std::move(first), second);
      second = nullptr;  // the first part has joined the two
    }
    return first;
  }

 private:
  std::vector<std::unique_ptr<PostProcessor>> parts_;
};

/// The ids of special token `name` in the component's table.
Result<std::vector<TokenId>> special_ids(const Json& table, const std::string& name, std::string_view where) {
  const auto entry = table.find(name);
  if (!table.is_object() || entry == table.end() || !entry->is_object())
    return detail::damaged_tokenizer(where, "a special token of the template is not in 'special_tokens'");
  EPICRISIS_ASSIGN_OR_RETURN(const Json* list, detail::list_member(*entry, "ids", where));
  std::vector<TokenId> ids;
  for (const Json& id : *list) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > std::numeric_limits<TokenId>::max())
      return detail::damaged_tokenizer(where, "'ids' of a special token must be whole numbers");
    ids.push_back(id.get<TokenId>());
  }
  return ids;
}

Result<TemplatePart> read_part(const Json& json, const Json& special_tokens, std::string_view where) {
  if (!json.is_object() || json.size() != 1 || !json.begin()->is_object())
    return detail::damaged_tokenizer(where, "expected one Sequence or SpecialToken");
  const std::string kind = json.begin().key();
  const Json& value = *json.begin();
  EPICRISIS_ASSIGN_OR_RETURN(const std::string id, detail::text_member(value, "id", where));
  TemplatePart part;
  if (const auto type_id = value.find("type_id"); type_id != value.end()) {
    if (!type_id->is_number_unsigned() || type_id->get<std::uint64_t>() > 255)
      return detail::damaged_tokenizer(where, "'type_id' must be 0 to 255");
    part.type_id = type_id->get<std::uint8_t>();
  }
  if (kind == "SpecialToken") {
    EPICRISIS_ASSIGN_OR_RETURN(part.ids, special_ids(special_tokens, id, where));
  } else if (kind == "Sequence" && (id == "A" || id == "B")) {
    part.kind = id == "A" ? TemplatePart::Kind::kFirst : TemplatePart::Kind::kSecond;
  } else {
    return detail::damaged_tokenizer(where, "expected Sequence A, Sequence B or SpecialToken");
  }
  return part;
}

Result<Template> read_template(const Json& component, std::string_view key, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json* list, detail::list_member(component, key, where));
  const auto special_tokens = component.find("special_tokens");
  const Json none = Json::object();
  Template parts;
  for (std::size_t i = 0; i < list->size(); ++i) {
    EPICRISIS_ASSIGN_OR_RETURN(
        TemplatePart part, read_part((*list)[i], special_tokens == component.end() ? none : *special_tokens,
                                     fmt::format("{}.{}[{}]", where, key, i)));
    parts.push_back(std::move(part));
  }
  return parts;
}

Result<std::unique_ptr<PostProcessor>> read_sequence(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json* list, detail::list_member(component, "processors", where));
  std::vector<std::unique_ptr<PostProcessor>> parts;
  for (std::size_t i = 0; i < list->size(); ++i) {
    EPICRISIS_ASSIGN_OR_RETURN(auto part,
                               read_post_processor((*list)[i], fmt::format("{}.processors[{}]", where, i)));
    parts.push_back(std::move(part));
  }
  return std::make_unique<SequencePostProcessor>(std::move(parts));
}

}  // namespace

Result<std::unique_ptr<PostProcessor>> read_post_processor(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string type, detail::component_type(component, where));
  if (type == "Sequence") return read_sequence(component, where);
  if (type == "TemplateProcessing") {
    EPICRISIS_ASSIGN_OR_RETURN(Template single, read_template(component, "single", where));
    EPICRISIS_ASSIGN_OR_RETURN(Template pair, read_template(component, "pair", where));
    return std::make_unique<TemplateProcessing>(std::move(single), std::move(pair));
  }
  return detail::unsupported_component(where, fmt::format("the post-processor '{}'", type));
}

}  // namespace epicrisis
