#include "text/tokenizers/sentencepiece_conversion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/json.hpp"
#include "text/tokenizers/pegasus_files.hpp"
#include "text/tokenizers/sentencepiece_model.hpp"
#include "text/unicode/base64.hpp"

namespace epicrisis {
namespace {

/// More than any model has: t5 has 100.
constexpr int kMaxExtraIds = 10'000;

// Language codes in the order of their ids (Liu et al. 2020; Tang et al. 2020 added the second list).
constexpr std::array<std::string_view, 25> kMbartLanguages = {
    "ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN",
    "hi_IN", "it_IT", "ja_XX", "kk_KZ", "ko_KR", "lt_LT", "lv_LV", "my_MM", "ne_NP",
    "nl_XX", "ro_RO", "ru_RU", "si_LK", "tr_TR", "vi_VN", "zh_CN"};
constexpr std::array<std::string_view, 27> kMbart50Languages = {
    "af_ZA", "az_AZ", "bn_IN", "fa_IR", "he_IL", "hr_HR", "id_ID", "ka_GE", "km_KH",
    "mk_MK", "ml_IN", "mn_MN", "mr_IN", "pl_PL", "ps_AF", "pt_XX", "sv_SE", "sw_KE",
    "ta_IN", "te_IN", "th_TH", "tl_XX", "uk_UA", "ur_PK", "xh_ZA", "gl_ES", "sl_SI"};

Error unsupported(std::string_view what) {
  return Error{ErrorCode::kUnsupported,
               fmt::format("The SentencePiece model asks for {}, which this build cannot convert; save a "
                           "tokenizer.json with the model.",
                           what),
               "spiece.model"};
}

/// The parts of a tokenizer.json that differ between the classes.
struct Conversion {
  OrderedJson vocab = OrderedJson::array();
  std::uint32_t unk_id = 0;
  std::vector<SpecialToken> special_tokens;
  std::vector<std::string> before;  ///< Special tokens around a text.
  std::vector<std::string> after;
  bool after_first = false;  ///< Those after a text also stand between two.

  void add(std::string_view text, double score = 0) { vocab.push_back(OrderedJson::array({text, score})); }
  void add_pieces(const SentencePieceModel& model, std::size_t from) {
    for (std::size_t i = from; i < model.pieces.size(); ++i)
      add(model.pieces[i].text, static_cast<double>(model.pieces[i].score));
  }
};

Result<Conversion> t5(const SentencePieceModel& model, const SlowTokenizerSettings& settings) {
  EPICRISIS_ASSIGN_OR_RETURN(const int extra_ids,
                             json_value(settings.config, "extra_ids", 100, "tokenizer_config.json"));
  if (extra_ids < 0 || extra_ids > kMaxExtraIds) return unsupported(fmt::format("{} extra ids", extra_ids));
  Conversion result;
  result.add_pieces(model, 0);
  for (int i = extra_ids; i > 0; --i) result.add(fmt::format("<extra_id_{}>", i - 1));
  result.unk_id = model.unk_id;
  result.special_tokens = {settings.role("eos_token", plain("</s>")),
                           settings.role("unk_token", plain("<unk>")),
                           settings.role("pad_token", plain("<pad>"))};
  for (int i = 0; i < extra_ids; ++i) result.special_tokens.push_back(plain(fmt::format("<extra_id_{}>", i)));
  result.after = {"</s>"};
  result.after_first = true;
  return result;
}

/// mBART puts the language after the text, mBART-50 before it.
Result<Conversion> mbart(const SentencePieceModel& model, const SlowTokenizerSettings& settings, bool fifty) {
  Conversion result;
  for (const char* token : {"<s>", "<pad>", "</s>", "<unk>"}) result.add(token);
  result.add_pieces(model, 3);
  std::vector<std::string> languages(kMbartLanguages.begin(), kMbartLanguages.end());
  if (fifty) languages.insert(languages.end(), kMbart50Languages.begin(), kMbart50Languages.end());
  for (const std::string& language : languages) result.add(language);
  result.add("<mask>");
  result.unk_id = 3;
  result.special_tokens = settings.bart_roles();
  for (const std::string& language : languages) result.special_tokens.push_back(plain(language));
  EPICRISIS_ASSIGN_OR_RETURN(
      const std::string source,
      json_value<std::string>(settings.config, "src_lang", "en_XX", "tokenizer_config.json"));
  if (std::find(languages.begin(), languages.end(), source) == languages.end())
    return unsupported(fmt::format("the source language '{}'", source));
  if (fifty) {
    result.before = {source};
    result.after = {"</s>"};
  } else {
    result.after = {"</s>", source};
  }
  return result;
}

/// Ids by text; of equal texts the last counts, as in Unigram.
Json ids_of(const OrderedJson& vocab) {
  Json ids = Json::object();
  for (std::size_t id = 0; id < vocab.size(); ++id) ids[vocab[id][0].get_ref<const std::string&>()] = id;
  return ids;
}

OrderedJson text_part(std::string_view name, int type_id) {
  return {{"Sequence", {{"id", name}, {"type_id", type_id}}}};
}

Result<OrderedJson> template_processing(const Conversion& conversion, const Json& ids) {
  OrderedJson special = OrderedJson::object();
  const auto append = [&](OrderedJson& parts, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      parts.push_back({{"SpecialToken", {{"id", name}, {"type_id", 0}}}});
      OrderedJson entry = {{"id", name}};
      entry["ids"] = OrderedJson::array({ids.value(name, std::uint32_t{0})});
      entry["tokens"] = OrderedJson::array({name});
      special[name] = std::move(entry);
    }
  };
  for (const auto& list : {conversion.before, conversion.after})
    for (const std::string& name : list)
      if (!ids.contains(name)) return unsupported(fmt::format("a vocabulary without '{}'", name));
  OrderedJson single = OrderedJson::array();
  OrderedJson pair = OrderedJson::array();
  append(single, conversion.before);
  single.push_back(text_part("A", 0));
  append(single, conversion.after);
  append(pair, conversion.before);
  pair.push_back(text_part("A", 0));
  if (conversion.after_first) append(pair, conversion.after);
  pair.push_back(text_part("B", 0));
  append(pair, conversion.after);
  OrderedJson result = {{"type", "TemplateProcessing"}};
  result["single"] = std::move(single);
  result["pair"] = std::move(pair);
  result["special_tokens"] = std::move(special);
  return result;
}

OrderedJson normalizer(const SentencePieceModel& model) {
  OrderedJson parts = OrderedJson::array();
  if (!model.precompiled_charsmap.empty())
    parts.push_back(
        {{"type", "Precompiled"}, {"precompiled_charsmap", encode_base64(model.precompiled_charsmap)}});
  parts.push_back({{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", " "}});
  OrderedJson result = {{"type", "Sequence"}};
  result["normalizers"] = std::move(parts);
  return result;
}

Result<std::string> tokenizer_json(Conversion conversion, const SentencePieceModel& model,
                                   const SlowTokenizerSettings& settings) {
  for (const SpecialToken& token : settings.additional.value_or(std::vector<SpecialToken>()))
    conversion.special_tokens.push_back(token);  // those of the class once more count once
  const Json ids = ids_of(conversion.vocab);
  const OrderedJson metaspace = {
      {"type", "Metaspace"}, {"replacement", "\u2581"}, {"add_prefix_space", true}};
  OrderedJson file = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}};
  EPICRISIS_ASSIGN_OR_RETURN(file["added_tokens"],
                             added_tokens_json(conversion.special_tokens, settings, ids));
  file["normalizer"] = normalizer(model);
  file["pre_tokenizer"] = metaspace;
  EPICRISIS_ASSIGN_OR_RETURN(file["post_processor"], template_processing(conversion, ids));
  file["decoder"] = metaspace;
  file["model"] = {{"type", "Unigram"}, {"unk_id", conversion.unk_id}};
  file["model"]["vocab"] = std::move(conversion.vocab);
  return file.dump();
}

/// Pegasus's special tokens have fixed texts and places; a model with others is not one of its kind.
Result<std::string> pegasus(const SentencePieceModel& model, const SlowTokenizerSettings& settings) {
  constexpr auto kOffset = static_cast<std::int64_t>(kPegasusIdOffset);
  EPICRISIS_ASSIGN_OR_RETURN(const std::int64_t offset,
                             json_value(settings.config, "offset", kOffset, "tokenizer_config.json"));
  if (offset != kOffset) return unsupported(fmt::format("the offset {}", offset));
  const std::array<std::pair<std::string_view, std::string_view>, 4> kTokens = {
      {{"pad_token", "<pad>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}, {"mask_token", "<mask_2>"}}};
  for (const auto& [role, content] : kTokens)
    if (settings.role(role, plain(content)).content != content)
      return unsupported(fmt::format("a {} other than {}", role, content));
  if (!settings.added.empty()) return unsupported("added_tokens.json beside Pegasus's own tokens");
  if (model.pieces.size() < 3) return unsupported("a vocabulary of fewer than 3 entries");
  return pegasus_tokenizer_json(model);
}

}  // namespace

bool is_sentencepiece_class(std::string_view name) {
  return name == "PegasusTokenizer" || name == "T5Tokenizer" || name == "MT5Tokenizer" ||
         name == "MBartTokenizer" || name == "MBart50Tokenizer";
}

Result<std::string> convert_sentencepiece(std::string_view bytes, const SlowTokenizerSettings& settings) {
  EPICRISIS_ASSIGN_OR_RETURN(const SentencePieceModel model, parse_sentencepiece_model(bytes));
  if (model.kind != SentencePieceModel::Kind::kUnigram) return unsupported("a model that is not unigram");
  if (model.byte_fallback) return unsupported("byte fallback");
  const std::string& name = settings.tokenizer_class;
  if (name == "PegasusTokenizer") return pegasus(model, settings);
  Result<Conversion> conversion = name == "MBartTokenizer"     ? mbart(model, settings, false)
                                  : name == "MBart50Tokenizer" ? mbart(model, settings, true)
                                                               : t5(model, settings);
  if (!conversion) return std::move(conversion).error();
  return tokenizer_json(std::move(*conversion), model, settings);
}

}  // namespace epicrisis
