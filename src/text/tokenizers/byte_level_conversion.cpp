#include "text/tokenizers/byte_level_conversion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/json.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

bool is_gpt2(std::string_view tokenizer_class) { return tokenizer_class == "GPT2Tokenizer"; }

/// "left right" a line after a first line "#version: …"; empty lines are passed over.
Result<OrderedJson> read_merges(std::string_view text) {
  if (!is_valid_utf8(text)) return damaged_file("merges.txt", "it is not UTF-8");
  OrderedJson merges = OrderedJson::array();
  std::size_t line_number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (line_number == 1 && line.starts_with("#version"))) continue;
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || space == 0 || line.find(' ', space + 1) != std::string_view::npos)
      return damaged_file("merges.txt",
                          fmt::format("line {}: expected two symbols separated by a space", line_number));
    merges.push_back(OrderedJson::array({line.substr(0, space), line.substr(space + 1)}));
  }
  return merges;
}

Result<Json> read_vocabulary(std::string_view text) {
  EPICRISIS_ASSIGN_OR_RETURN(Json vocab, parse_json(text, "vocab.json"));
  if (!vocab.is_object()) return damaged_file("vocab.json", "expected an object");
  for (const Json& id : vocab)
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > 0x7FFFFFFFU)
      return damaged_file("vocab.json", "an id is not a whole number");
  return vocab;
}

OrderedJson byte_level(bool add_prefix_space, bool trim_offsets) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", add_prefix_space},
          {"trim_offsets", trim_offsets},
          {"use_regex", true}};
}

/// The special tokens in the order in which transformers adds them.
std::vector<SpecialToken> special_tokens(const SlowTokenizerSettings& settings) {
  std::vector<SpecialToken> tokens;
  if (is_gpt2(settings.tokenizer_class)) {
    for (const char* role : {"bos_token", "eos_token", "unk_token"})
      tokens.push_back(settings.role(role, plain("<|endoftext|>")));
    for (const char* role : {"sep_token", "pad_token", "cls_token", "mask_token"})
      tokens.push_back(settings.role(role, plain("")));
  } else {
    tokens = settings.bart_roles();
  }
  for (const SpecialToken& token : settings.additional.value_or(std::vector<SpecialToken>()))
    tokens.push_back(token);
  return tokens;
}

/// [content, id] of one special token, from the list of all.
Result<OrderedJson> with_id(const OrderedJson& added_tokens, const SpecialToken& token) {
  for (const OrderedJson& added : added_tokens)
    if (added["content"] == token.content) return OrderedJson::array({token.content, added["id"]});
  return damaged_file("special_tokens_map.json", "a special token is empty");
}

Result<OrderedJson> post_processor(const SlowTokenizerSettings& settings, const OrderedJson& added_tokens,
                                   bool add_prefix_space) {
  if (is_gpt2(settings.tokenizer_class)) return byte_level(true, false);
  OrderedJson roberta = {{"type", "RobertaProcessing"}};
  EPICRISIS_ASSIGN_OR_RETURN(roberta["sep"],
                             with_id(added_tokens, settings.role("sep_token", plain("</s>"))));
  EPICRISIS_ASSIGN_OR_RETURN(roberta["cls"], with_id(added_tokens, settings.role("cls_token", plain("<s>"))));
  roberta["trim_offsets"] = true;
  roberta["add_prefix_space"] = add_prefix_space;
  return roberta;
}

}  // namespace

bool is_byte_level_class(std::string_view tokenizer_class) {
  return is_gpt2(tokenizer_class) || tokenizer_class == "BartTokenizer" ||
         tokenizer_class == "RobertaTokenizer" || tokenizer_class == "LongformerTokenizer";
}

Result<std::string> convert_byte_level(std::string_view vocab_text, std::string_view merges_text,
                                       const SlowTokenizerSettings& settings) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json vocab, read_vocabulary(vocab_text));
  EPICRISIS_ASSIGN_OR_RETURN(OrderedJson merges, read_merges(merges_text));
  EPICRISIS_ASSIGN_OR_RETURN(const bool add_prefix_space,
                             json_value(settings.config, "add_prefix_space", false, "tokenizer_config.json"));
  EPICRISIS_ASSIGN_OR_RETURN(const bool add_bos_token,
                             json_value(settings.config, "add_bos_token", false, "tokenizer_config.json"));
  if (add_bos_token && is_gpt2(settings.tokenizer_class))
    return Error{ErrorCode::kUnsupported,
                 "tokenizer_config.json asks for add_bos_token, which needs a tokenizer.json; save one with "
                 "the model.",
                 "tokenizer_config.json: add_bos_token"};
  OrderedJson file = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}};
  EPICRISIS_ASSIGN_OR_RETURN(file["added_tokens"],
                             added_tokens_json(special_tokens(settings), settings, vocab));
  file["normalizer"] = nullptr;
  file["pre_tokenizer"] = byte_level(add_prefix_space, true);
  EPICRISIS_ASSIGN_OR_RETURN(file["post_processor"],
                             post_processor(settings, file["added_tokens"], add_prefix_space));
  file["decoder"] = byte_level(true, true);
  file["model"] = {{"type", "BPE"}, {"dropout", nullptr}, {"unk_token", nullptr}, {"fuse_unk", false}};
  file["model"]["vocab"] = vocab;
  file["model"]["merges"] = std::move(merges);
  return file.dump();
}

}  // namespace epicrisis
