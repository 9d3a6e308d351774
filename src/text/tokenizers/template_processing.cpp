#include "text/tokenizers/template_processing.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "text/tokenizers/component.hpp"

namespace epicrisis {
namespace {

/// One slot of a template: a text, or special tokens.
struct TemplatePart {
  enum class Kind { kFirst, kSecond, kSpecial };
  Kind kind = Kind::kSpecial;
  std::vector<TokenId> ids;  ///< Of kSpecial.
};
using Template = std::vector<TemplatePart>;

class TemplateProcessing final : public PostProcessor {
 public:
  TemplateProcessing(Template single, Template pair) : single_(std::move(single)), pair_(std::move(pair)) {}

  std::size_t added_tokens(bool pair) const override {
    std::size_t count = 0;
    for (const TemplatePart& part : pair ? pair_ : single_) count += part.ids.size();
    return count;
  }

  void process(std::vector<ProcessedText>& texts, bool add_special_tokens) const override {
    EPICRISIS_CHECK(texts.size() == 1 || texts.size() == 2);
    std::vector<ProcessedText> out;
    for (const TemplatePart& part : texts.size() == 2 ? pair_ : single_) {
      if (part.kind == TemplatePart::Kind::kSpecial) {
        if (!add_special_tokens) continue;
        ProcessedText& special = out.emplace_back();
        for (const TokenId id : part.ids) special.append(id);
      } else {
        out.push_back(std::move(texts[part.kind == TemplatePart::Kind::kFirst ? 0 : 1]));
      }
    }
    texts = std::move(out);
  }

 private:
  Template single_;
  Template pair_;
};

/// The ids of special token `name` in the component's table.
Result<std::vector<TokenId>> special_ids(const Json& table, const std::string& name, std::string_view where) {
  const auto entry = table.find(name);
  if (!table.is_object() || entry == table.end() || !entry->is_object())
    return detail::damaged_tokenizer(where, "a special token of the template is not in 'special_tokens'");
  EPICRISIS_ASSIGN_OR_RETURN(const Json* list, detail::list_member(*entry, "ids", where));
  std::vector<TokenId> ids;
  for (const Json& id : *list) {
    if (!id.is_number_unsigned() ||
        id.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<TokenId>::max()))
      return detail::damaged_tokenizer(where, "'ids' of a special token must be whole numbers");
    ids.push_back(id.get<TokenId>());
  }
  return ids;
}

Result<TemplatePart> read_part(const Json& json, const Json& special_tokens, bool pair,
                               std::string_view where) {
  if (!json.is_object() || json.size() != 1 || !json.begin()->is_object())
    return detail::damaged_tokenizer(where, "expected one Sequence or SpecialToken");
  const std::string kind = json.begin().key();
  EPICRISIS_ASSIGN_OR_RETURN(const std::string id, detail::text_member(*json.begin(), "id", where));
  TemplatePart part;
  if (kind == "SpecialToken") {
    EPICRISIS_ASSIGN_OR_RETURN(part.ids, special_ids(special_tokens, id, where));
  } else if (kind == "Sequence" && (id == "A" || (id == "B" && pair))) {
    part.kind = id == "A" ? TemplatePart::Kind::kFirst : TemplatePart::Kind::kSecond;
  } else {
    return detail::damaged_tokenizer(where, "expected Sequence A, Sequence B of a pair, or SpecialToken");
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
                                     key == "pair", fmt::format("{}.{}[{}]", where, key, i)));
    // Each repeat would be a copy of the text: a small file could ask for gigabytes.
    if (part.kind != TemplatePart::Kind::kSpecial &&
        std::any_of(parts.begin(), parts.end(),
                    [&](const TemplatePart& seen) { return seen.kind == part.kind; }))
      return detail::unsupported_component(fmt::format("{}.{}[{}]", where, key, i),
                                           "a template that repeats a text");
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace

Result<std::unique_ptr<PostProcessor>> read_template_processing(const Json& component,
                                                                std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(Template single, read_template(component, "single", where));
  EPICRISIS_ASSIGN_OR_RETURN(Template pair, read_template(component, "pair", where));
  return std::make_unique<TemplateProcessing>(std::move(single), std::move(pair));
}

}  // namespace epicrisis
