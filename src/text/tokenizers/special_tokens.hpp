#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.hpp"

namespace epicrisis {

/// A special token as tokenizer_config.json or special_tokens_map.json has it: a text, or an object with
/// flags.
struct SpecialToken {
  std::string content;
  bool lstrip = false;
  bool rstrip = false;
  bool single_word = false;
  bool normalized = false;
};

/// A special token without flags.
SpecialToken plain(std::string_view content);
/// kCorrupt naming `file`, one of those beside a slow tokenizer's vocabulary.
Error damaged_file(std::string_view file, std::string_view problem);

/// What the files beside a slow tokenizer's vocabulary say.
struct SlowTokenizerSettings {
  std::string tokenizer_class;  ///< Without "Fast"; named by the files or by `model_type`.
  Json config;                  ///< tokenizer_config.json; an empty object without one.
  /// "bos_token" to "mask_token" that the files name, special_tokens_map.json over tokenizer_config.json.
  std::vector<std::pair<std::string, SpecialToken>> roles;
  /// "additional_special_tokens", where a file has them.
  std::optional<std::vector<SpecialToken>> additional;
  std::vector<std::pair<std::string, std::uint32_t>> added;  ///< added_tokens.json, by rising id.

  /// Errors: kCorrupt naming the file and member, kUnsupported for a model_type without such a tokenizer.
  static Result<SlowTokenizerSettings> read(const std::filesystem::path& folder);

  /// The token of `role`, or the class's own.
  SpecialToken role(std::string_view name, SpecialToken fallback) const;
  /// The seven roles as BART's, RoBERTa's and mBART's classes have them, in the order they are added.
  std::vector<SpecialToken> bart_roles() const;
};

/// The "added_tokens" of tokenizer.json for `tokens`: each with its id in `ids`, or the next free one; then
/// those of added_tokens.json. Tokens named twice count once. Errors: kCorrupt for an id that is taken.
Result<OrderedJson> added_tokens_json(const std::vector<SpecialToken>& tokens,
                                      const SlowTokenizerSettings& settings, const Json& ids);

}  // namespace epicrisis
