#include "checkpoint/detail/inspect_tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "checkpoint/detail/printable.hpp"

namespace epicrisis::detail {
namespace {

/// A Sequence lists its members under one of these, by the kind of component.
constexpr std::array<std::string_view, 4> kMemberKeys = {"normalizers", "pretokenizers", "processors",
                                                         "decoders"};

std::string type_of(const Json& component) {
  const auto type = component.find("type");
  if (type == component.end() || !type->is_string()) return "(no type)";
  return printable(type->get_ref<const std::string&>());
}

/// parse_json() bounds the nesting, so the recursion ends.
void list_types(const Json& component, std::vector<std::string>& types) {
  if (!component.is_object()) return;
  const std::string type = type_of(component);
  if (type == "Sequence") {
    for (const std::string_view key : kMemberKeys) {
      const auto members = component.find(key);
      if (members == component.end() || !members->is_array()) continue;
      for (const Json& member : *members) list_types(member, types);
    }
    return;
  }
  types.push_back(type);
}

std::vector<std::string> types_under(const Json& tokenizer, std::string_view key) {
  std::vector<std::string> types;
  if (const auto component = tokenizer.find(key); component != tokenizer.end()) list_types(*component, types);
  return types;
}

void count_id(const Json& id, TokenizerInspection& result) {
  if (id.is_number_unsigned()) result.vocabulary = std::max(result.vocabulary, id.get<std::uint64_t>() + 1);
}

void inspect_model_part(const Json& model, TokenizerInspection& result) {
  result.model = type_of(model);
  const auto vocabulary = model.find("vocab");
  if (vocabulary != model.end() && vocabulary->is_array()) {
    result.vocabulary = vocabulary->size();
  } else if (vocabulary != model.end() && vocabulary->is_object()) {
    for (const Json& id : *vocabulary) count_id(id, result);
  }
  const auto merges = model.find("merges");
  if (merges == model.end() || !merges->is_array()) return;
  result.merges = merges->size();
  // Files of early releases name no type; only BPE has merges.
  if (!model.contains("type")) result.model = "BPE";
}

void inspect_added_tokens(const Json& tokens, TokenizerInspection& result) {
  for (const Json& token : tokens) {
    if (!token.is_object()) continue;
    ++result.added_tokens;
    const auto special = token.find("special");
    if (special != token.end() && special->is_boolean() && special->get<bool>()) ++result.special_tokens;
    if (const auto id = token.find("id"); id != token.end()) count_id(*id, result);
  }
}

}  // namespace

TokenizerInspection inspect_tokenizer(const Json& tokenizer, Findings& findings) {
  TokenizerInspection result;
  result.normalizers = types_under(tokenizer, "normalizer");
  result.pre_tokenizers = types_under(tokenizer, "pre_tokenizer");
  result.post_processors = types_under(tokenizer, "post_processor");
  result.decoders = types_under(tokenizer, "decoder");
  const auto model = tokenizer.find("model");
  if (model != tokenizer.end() && model->is_object()) {
    inspect_model_part(*model, result);
  } else {
    findings.problems.emplace_back("tokenizer.json has no object 'model'");
  }
  if (const auto added = tokenizer.find("added_tokens"); added != tokenizer.end() && added->is_array()) {
    inspect_added_tokens(*added, result);
  }
  for (const std::string_view key : {"truncation", "padding"}) {
    const auto setting = tokenizer.find(key);
    if (setting == tokenizer.end() || setting->is_null()) continue;
    findings.remarks.push_back(
        fmt::format("tokenizer.json sets '{}', which transformers ignores unless asked", key));
  }
  return result;
}

}  // namespace epicrisis::detail
