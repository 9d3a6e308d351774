#include "commands/generation_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>

namespace epicrisis {
namespace {

/// A generation setting offered as an option; the option's name is the setting's with '-'.
struct GenerationOption {
  const char* name;
  const char* type;  ///< Null: a flag.
  const char* help;
};

constexpr GenerationOption kGenerationOptions[] = {
    {"num-beams", "N", "Sequences searched side by side; 1 is greedy search"},
    {"min-length", "N", "Shortest summary in tokens, start token included"},
    {"max-length", "N", "Longest summary in tokens, start token included"},
    {"min-new-tokens", "N", "Shortest summary in tokens, start token excluded"},
    {"max-new-tokens", "N", "Longest summary in tokens, start token excluded; overrides --max-length"},
    {"length-penalty", "F", "Above 0 favours longer summaries among the beams, below 0 shorter ones"},
    {"early-stopping", "true|false|never", "When beam search stops"},
    {"no-repeat-ngram-size", "N", "No sequence of N tokens occurs twice in a summary"},
    {"encoder-no-repeat-ngram-size", "N", "No sequence of N tokens is copied from the note"},
    {"repetition-penalty", "F", "Above 1 makes tokens that were used less likely"},
    {"num-return-sequences", "N", "Summaries a note, best first"},
    {"do-sample", nullptr, "Draw tokens at random instead of searching"},
    {"temperature", "F", "Below 1 makes draws more predictable"},
    {"top-k", "N", "Draw from the N likeliest tokens; 0: from all"},
    {"top-p", "F", "Draw from the likeliest tokens that together reach this probability"},
    {"seed", "N", "Makes draws reproducible"},
};

/// Reads an option's text as the JSON value that a request would carry; what is none is a string.
Json option_value(const std::string& text) {
  const auto value = parse_json(text, "option");
  return value && value->is_primitive() ? *value : Json(text);
}

}  // namespace

void add_generation_options(CLI::App& command, Json& settings) {
  for (const GenerationOption& option : kGenerationOptions) {
    std::string setting = option.name;
    std::replace(setting.begin(), setting.end(), '-', '_');
    const std::string name = std::string("--") + option.name;
    CLI::Option* added = nullptr;
    if (option.type == nullptr) {
      const auto set = [&settings, setting](std::int64_t) { settings[setting] = true; };
      added = command.add_flag_function(name, set, option.help);
    } else {
      const auto set = [&settings, setting](const std::string& text) {
        settings[setting] = option_value(text);
      };
      added = command.add_option_function<std::string>(name, set, option.help)->type_name(option.type);
    }
    added->group("Generation (default: what the model folder says)");
  }
}

}  // namespace epicrisis
