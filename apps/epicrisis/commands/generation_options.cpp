#include "commands/generation_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>

namespace epicrisis {
namespace {

/// How an option's text becomes the JSON value that a request would carry.
enum class Form {
  kValue,  ///< A number, a word, or null.
  kFlag,   ///< Nothing; or true or false behind "=".
  kIds,    ///< 3 or 3,4 or [3,4].
  kJson,   ///< As it stands.
};

/// A generation setting offered as an option; the option's name is the setting's with '-'.
struct GenerationOption {
  const char* name;
  Form form;
  const char* type;
  const char* help;
};

constexpr GenerationOption kGenerationOptions[] = {
    {"num-beams", Form::kValue, "N", "Sequences searched side by side; 1 is greedy search"},
    {"min-length", Form::kValue, "N", "Shortest sequence in tokens, start token or prompt included"},
    {"max-length", Form::kValue, "N", "Longest sequence in tokens, start token or prompt included"},
    {"min-new-tokens", Form::kValue, "N", "Shortest summary in tokens, start token or prompt excluded"},
    {"max-new-tokens", Form::kValue, "N",
     "Longest summary in tokens, start token or prompt excluded; overrides --max-length"},
    {"length-penalty", Form::kValue, "F",
     "Above 0 favours longer summaries among the beams, below 0 shorter ones"},
    {"early-stopping", Form::kValue, "true|false|never", "When beam search stops"},
    {"no-repeat-ngram-size", Form::kValue, "N", "No sequence of N tokens occurs twice in a summary"},
    {"encoder-no-repeat-ngram-size", Form::kValue, "N", "No sequence of N tokens is copied from the note"},
    {"repetition-penalty", Form::kValue, "F", "Above 1 makes tokens that were used less likely"},
    {"encoder-repetition-penalty", Form::kValue, "F", "Above 1 makes tokens of the note likelier"},
    {"bad-words-ids", Form::kJson, "JSON", "Sequences of tokens that do not occur: [[3],[4,5]]"},
    {"suppress-tokens", Form::kIds, "IDS", "Tokens that do not occur: 3,4"},
    {"begin-suppress-tokens", Form::kIds, "IDS", "Tokens that a summary does not begin with"},
    {"forced-bos-token-id", Form::kValue, "ID", "Token that a summary begins with"},
    {"forced-eos-token-id", Form::kIds, "IDS",
     "Tokens, one of which a summary of the longest length ends with"},
    {"renormalize-logits", Form::kFlag, "", "Probabilities sum to one again after the settings above"},
    {"num-return-sequences", Form::kValue, "N", "Summaries a note, best first"},
    {"do-sample", Form::kFlag, "", "Draw tokens at random instead of searching"},
    {"temperature", Form::kValue, "F", "Below 1 makes draws more predictable"},
    {"top-k", Form::kValue, "N", "Draw from the N likeliest tokens; 0: from all"},
    {"top-p", Form::kValue, "F", "Draw from the likeliest tokens that together reach this probability"},
    {"typical-p", Form::kValue, "F", "Draw from the least surprising tokens that together reach this"},
    {"epsilon-cutoff", Form::kValue, "F", "Draw no token less likely than this"},
    {"eta-cutoff", Form::kValue, "F", "The same, lower where many tokens are likely"},
    {"prompt-lookup-num-tokens", Form::kValue, "N",
     "Foretell up to N tokens from the note and confirm them in one step: faster, the same summary"},
    {"max-matching-ngram-size", Form::kValue, "N", "Longest sequence of tokens looked up for that"},
    {"seed", Form::kValue, "N", "Makes draws reproducible"},
    {"eos-token-id", Form::kIds, "IDS", "Tokens that end a summary"},
    {"pad-token-id", Form::kValue, "ID", "Accepted; nothing is padded"},
    {"bos-token-id", Form::kValue, "ID", "Accepted; the model folder's files name the start token"},
    {"decoder-start-token-id", Form::kValue, "ID", "Token that the decoder starts from"},
};

/// The value of an option's text; what cannot be read as its form is a string, which the setting refuses by
/// its name.
Json option_value(Form form, const std::string& text) {
  const bool bare_ids = form == Form::kIds && !text.starts_with('[') && text != "null";
  const auto value = parse_json(bare_ids ? "[" + text + "]" : text, "option");
  const bool fits = value && (form != Form::kValue || value->is_primitive());
  return fits ? *value : Json(text);
}

}  // namespace

void add_generation_options(CLI::App& command, Json& settings) {
  for (const GenerationOption& option : kGenerationOptions) {
    std::string setting = option.name;
    std::replace(setting.begin(), setting.end(), '-', '_');
    const std::string name = std::string("--") + option.name;
    CLI::Option* added = nullptr;
    if (option.form == Form::kFlag) {
      // The parser counts true up and false down.
      const auto set = [&settings, setting](std::int64_t count) { settings[setting] = count > 0; };
      added = command.add_flag_function(name, set, option.help);
    } else {
      const auto set = [&settings, setting, form = option.form](const std::string& text) {
        settings[setting] = option_value(form, text);
      };
      added = command.add_option_function<std::string>(name, set, option.help)->type_name(option.type);
    }
    added->group("Generation (default: what the model folder says)");
  }
}

}  // namespace epicrisis
