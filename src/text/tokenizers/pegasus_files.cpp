#include "text/tokenizers/pegasus_files.hpp"

#include <fmt/format.h>

#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/token_id.hpp"
#include "text/unicode/base64.hpp"

namespace epicrisis {
namespace {

constexpr std::string_view kPad = "<pad>";
constexpr std::string_view kEos = "</s>";
constexpr std::string_view kUnk = "<unk>";
constexpr std::string_view kMaskSentence = "<mask_1>";
constexpr std::string_view kMaskToken = "<mask_2>";
constexpr TokenId kEosId = 1;
constexpr TokenId kUnkId = 2 + static_cast<TokenId>(kPegasusIdOffset);
/// So low that no text is cut into them.
constexpr double kReservedScore = -100.0;

/// <unk_2> to <unk_102>.
std::vector<std::string> reserved_tokens() {
  std::vector<std::string> tokens;
  for (std::size_t i = 2; i < kPegasusIdOffset; ++i) tokens.push_back(fmt::format("<unk_{}>", i));
  return tokens;
}

OrderedJson added_token(std::size_t id, std::string_view content) {
  return {{"id", id},        {"special", true}, {"content", content}, {"single_word", false},
          {"lstrip", false}, {"rstrip", false}, {"normalized", false}};
}

OrderedJson additional_special_tokens() {
  OrderedJson tokens = OrderedJson::array({kMaskSentence});
  for (const std::string& token : reserved_tokens()) tokens.push_back(token);
  return tokens;
}

OrderedJson sequence_part(std::string_view name) { return {{"Sequence", {{"id", name}, {"type_id", 0}}}}; }

OrderedJson closing_template() {
  const OrderedJson eos = {{"SpecialToken", {{"id", kEos}, {"type_id", 0}}}};
  OrderedJson post_processor = {{"type", "TemplateProcessing"}};
  post_processor["single"] = OrderedJson::array({sequence_part("A"), eos});
  post_processor["pair"] = OrderedJson::array({sequence_part("A"), sequence_part("B"), eos});
  OrderedJson token = {{"id", kEos}};
  token["ids"] = OrderedJson::array({kEosId});
  token["tokens"] = OrderedJson::array({kEos});
  post_processor["special_tokens"][std::string(kEos)] = std::move(token);
  return post_processor;
}

OrderedJson vocabulary(const SentencePieceModel& model) {
  OrderedJson vocab = OrderedJson::array();
  const auto add = [&vocab](std::string_view text, double score) {
    vocab.push_back(OrderedJson::array({text, score}));
  };
  add(kPad, 0);
  add(kEos, 0);
  add(kMaskSentence, 0);
  add(kMaskToken, 0);
  for (const std::string& token : reserved_tokens()) add(token, kReservedScore);
  for (std::size_t i = 2; i < model.pieces.size(); ++i)
    add(model.pieces[i].text, static_cast<double>(model.pieces[i].score));
  return vocab;
}

}  // namespace

std::string pegasus_tokenizer_json(const SentencePieceModel& model) {
  OrderedJson file = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}};
  OrderedJson vocab = vocabulary(model);
  file["added_tokens"] = OrderedJson::array();
  for (std::size_t id = 0; id <= static_cast<std::size_t>(kUnkId); ++id)
    file["added_tokens"].push_back(added_token(id, vocab[id][0].get<std::string>()));
  const OrderedJson charsmap = {{"type", "Precompiled"},
                                {"precompiled_charsmap", encode_base64(model.precompiled_charsmap)}};
  const OrderedJson spaces = {{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", " "}};
  const OrderedJson words = {{"type", "WhitespaceSplit"}};
  const OrderedJson metaspace = {
      {"type", "Metaspace"}, {"replacement", "\u2581"}, {"add_prefix_space", true}};
  file["normalizer"] = {{"type", "Sequence"}};
  file["normalizer"]["normalizers"] = OrderedJson::array({charsmap, spaces});
  file["pre_tokenizer"] = {{"type", "Sequence"}};
  file["pre_tokenizer"]["pretokenizers"] = OrderedJson::array({words, metaspace});
  file["post_processor"] = closing_template();
  file["decoder"] = metaspace;
  file["model"] = {{"type", "Unigram"}, {"unk_id", kUnkId}};
  file["model"]["vocab"] = std::move(vocab);
  return file.dump();
}

std::string pegasus_tokenizer_config_json(std::size_t model_max_length) {
  OrderedJson file = {{"eos_token", kEos},
                      {"unk_token", kUnk},
                      {"pad_token", kPad},
                      {"mask_token", kMaskToken},
                      {"mask_token_sent", kMaskSentence},
                      {"offset", kPegasusIdOffset}};
  file["additional_special_tokens"] = additional_special_tokens();
  file["model_max_length"] = model_max_length;
  file["tokenizer_class"] = "PegasusTokenizer";
  return file.dump(2);
}

std::string pegasus_special_tokens_map_json() {
  OrderedJson file = {
      {"eos_token", kEos}, {"unk_token", kUnk}, {"pad_token", kPad}, {"mask_token", kMaskToken}};
  file["additional_special_tokens"] = additional_special_tokens();
  return file.dump(2);
}

Result<void> write_pegasus_tokenizer(std::string_view model_bytes, std::size_t model_max_length,
                                     const std::filesystem::path& folder) {
  EPICRISIS_ASSIGN_OR_RETURN(const SentencePieceModel model, parse_sentencepiece_model(model_bytes));
  EPICRISIS_RETURN_IF_ERROR(write_file_atomically(folder / "spiece.model", model_bytes));
  EPICRISIS_RETURN_IF_ERROR(write_file_atomically(folder / "tokenizer.json", pegasus_tokenizer_json(model)));
  EPICRISIS_RETURN_IF_ERROR(write_file_atomically(folder / "tokenizer_config.json",
                                                  pegasus_tokenizer_config_json(model_max_length)));
  return write_file_atomically(folder / "special_tokens_map.json", pegasus_special_tokens_map_json());
}

}  // namespace epicrisis
