#include "text/tokenizers/special_tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <set>

#include "base/files.hpp"

namespace epicrisis {
namespace {
namespace fs = std::filesystem;

constexpr std::array<std::string_view, 7> kRoles = {"bos_token", "eos_token", "unk_token", "sep_token",
                                                    "pad_token", "cls_token", "mask_token"};
constexpr std::string_view kAdditional = "additional_special_tokens";

/// The object in `folder`/`file`; empty without the file.
Result<Json> read_object(const fs::path& folder, const char* file) {
  std::error_code ignored;
  if (!fs::exists(folder / file, ignored)) return Json::object();
  EPICRISIS_ASSIGN_OR_RETURN(Json json, read_json_file(folder / file));
  if (!json.is_object()) return damaged_file(file, "expected an object");
  return json;
}

Result<SpecialToken> read_token(const Json& json, std::string_view file, std::string_view key) {
  SpecialToken token;
  if (json.is_string()) {
    token.content = json.get<std::string>();
    return token;
  }
  if (!json.is_object()) return damaged_file(file, fmt::format("'{}' must be a text or an object", key));
  EPICRISIS_ASSIGN_OR_RETURN(token.content, json_value<std::string>(json, "content", "", file));
  EPICRISIS_ASSIGN_OR_RETURN(token.lstrip, json_value(json, "lstrip", false, file));
  EPICRISIS_ASSIGN_OR_RETURN(token.rstrip, json_value(json, "rstrip", false, file));
  EPICRISIS_ASSIGN_OR_RETURN(token.single_word, json_value(json, "single_word", false, file));
  EPICRISIS_ASSIGN_OR_RETURN(token.normalized, json_value(json, "normalized", true, file));
  return token;
}

Result<void> read_roles(const Json& json, std::string_view file, SlowTokenizerSettings& settings) {
  for (const std::string_view role : kRoles) {
    const auto member = json.find(role);
    if (member == json.end() || member->is_null()) continue;
    EPICRISIS_ASSIGN_OR_RETURN(SpecialToken token, read_token(*member, file, role));
    std::erase_if(settings.roles, [&](const auto& one) { return one.first == role; });
    settings.roles.emplace_back(role, std::move(token));
  }
  const auto list = json.find(kAdditional);
  if (list == json.end() || list->is_null()) return {};
  if (!list->is_array()) return damaged_file(file, fmt::format("'{}' must be a list", kAdditional));
  settings.additional.emplace();
  for (const Json& one : *list) {
    EPICRISIS_ASSIGN_OR_RETURN(SpecialToken token, read_token(one, file, kAdditional));
    settings.additional->push_back(std::move(token));
  }
  return {};
}

Result<void> read_added(const Json& json, SlowTokenizerSettings& settings) {
  for (const auto& [content, id] : json.items()) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > std::numeric_limits<std::int32_t>::max())
      return damaged_file("added_tokens.json", "an id is not a whole number");
    settings.added.emplace_back(content, id.get<std::uint32_t>());
  }
  std::sort(settings.added.begin(), settings.added.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  return {};
}

/// The class that transformers takes for a model_type when no file names one.
Result<std::string> class_for_model_type(const fs::path& folder) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kClasses = {
      {{"pegasus", "PegasusTokenizer"},
       {"t5", "T5Tokenizer"},
       {"mt5", "T5Tokenizer"},
       {"mbart", "MBartTokenizer"},
       {"bart", "BartTokenizer"},
       {"roberta", "RobertaTokenizer"},
       {"gpt2", "GPT2Tokenizer"},
       {"longformer", "LongformerTokenizer"}}};
  EPICRISIS_ASSIGN_OR_RETURN(const Json config, read_object(folder, "config.json"));
  EPICRISIS_ASSIGN_OR_RETURN(const std::string model_type,
                             json_value<std::string>(config, "model_type", "", "config.json"));
  for (const auto& [type, name] : kClasses)
    if (type == model_type) return std::string(name);
  return Error{
      ErrorCode::kUnsupported,
      fmt::format("The folder has no tokenizer.json, and none can be built for the model type '{}'; save "
                  "one with the model.",
                  model_type),
      "tokenizer_config.json names no tokenizer_class"};
}

}  // namespace

Error damaged_file(std::string_view file, std::string_view problem) {
  return Error{ErrorCode::kCorrupt, fmt::format("{} is damaged; import the model again.", file),
               std::string(problem)};
}

SpecialToken plain(std::string_view content) {
  SpecialToken token;
  token.content = content;
  return token;
}

std::vector<SpecialToken> SlowTokenizerSettings::bart_roles() const {
  SpecialToken mask = plain("<mask>");
  mask.lstrip = true;  // it takes the place of a word with its space
  return {role("bos_token", plain("<s>")),   role("eos_token", plain("</s>")),
          role("unk_token", plain("<unk>")), role("sep_token", plain("</s>")),
          role("pad_token", plain("<pad>")), role("cls_token", plain("<s>")),
          role("mask_token", mask)};
}

Result<SlowTokenizerSettings> SlowTokenizerSettings::read(const fs::path& folder) {
  SlowTokenizerSettings settings;
  EPICRISIS_ASSIGN_OR_RETURN(settings.config, read_object(folder, "tokenizer_config.json"));
  EPICRISIS_ASSIGN_OR_RETURN(const Json map, read_object(folder, "special_tokens_map.json"));
  EPICRISIS_ASSIGN_OR_RETURN(const Json added, read_object(folder, "added_tokens.json"));
  EPICRISIS_RETURN_IF_ERROR(read_roles(settings.config, "tokenizer_config.json", settings));
  EPICRISIS_RETURN_IF_ERROR(read_roles(map, "special_tokens_map.json", settings));
  EPICRISIS_RETURN_IF_ERROR(read_added(added, settings));
  EPICRISIS_ASSIGN_OR_RETURN(
      settings.tokenizer_class,
      json_value<std::string>(settings.config, "tokenizer_class", "", "tokenizer_config.json"));
  if (settings.tokenizer_class.ends_with("Fast"))
    settings.tokenizer_class.resize(settings.tokenizer_class.size() - 4);
  if (settings.tokenizer_class.empty()) {
    EPICRISIS_ASSIGN_OR_RETURN(settings.tokenizer_class, class_for_model_type(folder));
  }
  return settings;
}

SpecialToken SlowTokenizerSettings::role(std::string_view name, SpecialToken fallback) const {
  for (const auto& [role, token] : roles)
    if (role == name) return token;
  return fallback;
}

Result<OrderedJson> added_tokens_json(const std::vector<SpecialToken>& tokens,
                                      const SlowTokenizerSettings& settings, const Json& ids) {
  std::set<std::string> seen;
  std::uint32_t next_id = 0;
  for (const Json& id : ids) next_id = std::max(next_id, id.get<std::uint32_t>() + 1);
  for (const auto& [content, id] : settings.added) next_id = std::max(next_id, id + 1);
  std::vector<std::pair<std::uint32_t, OrderedJson>> list;
  const auto add = [&](const SpecialToken& token, std::uint32_t id, bool special) {
    list.emplace_back(id, OrderedJson{{"id", id},
                                      {"content", token.content},
                                      {"single_word", token.single_word},
                                      {"lstrip", token.lstrip},
                                      {"rstrip", token.rstrip},
                                      {"normalized", token.normalized},
                                      {"special", special}});
  };
  const auto added_id = [&](const std::string& content) -> std::optional<std::uint32_t> {
    for (const auto& [text, id] : settings.added)
      if (text == content) return id;
    return std::nullopt;
  };
  for (const SpecialToken& token : tokens) {
    if (token.content.empty() || !seen.insert(token.content).second) continue;
    if (const auto known = ids.find(token.content); known != ids.end()) {
      add(token, known->get<std::uint32_t>(), true);
    } else {
      const std::optional<std::uint32_t> id = added_id(token.content);
      add(token, id ? *id : next_id++, true);
    }
  }
  for (const auto& [content, id] : settings.added) {
    if (!seen.insert(content).second) continue;
    SpecialToken token;
    token.content = content;
    token.normalized = true;
    add(token, id, false);
  }
  std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  OrderedJson result = OrderedJson::array();
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0 && list[i].first == list[i - 1].first)
      return damaged_file("added_tokens.json", fmt::format("two tokens have the id {}", list[i].first));
    result.push_back(std::move(list[i].second));
  }
  return result;
}

}  // namespace epicrisis
