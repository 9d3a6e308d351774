#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "base/token_id.hpp"

namespace epicrisis {

/// When beam search stops a source; `early_stopping` of the Hugging Face generation settings.
enum class EarlyStopping {
  kFalse,  ///< Once no running hypothesis is expected to beat the worst finished one at the current length.
  kTrue,   ///< Once num_beams hypotheses are finished.
  kNever,  ///< Once none can beat it at any length.
};

/// How sequences are chosen, named and meaning as transformers 4.27's GenerationConfig (its documentation:
/// "Text generation", class GenerationConfig). Defaults are that class's own.
struct GenerationConfig {
  int max_length = 20;  ///< Longest sequence, start token or prompt included. Overridden by max_new_tokens.
  std::optional<int> max_new_tokens;
  int min_length = 0;
  std::optional<int> min_new_tokens;
  int num_beams = 1;
  EarlyStopping early_stopping = EarlyStopping::kFalse;
  double length_penalty = 1.0;
  int num_return_sequences = 1;
  double repetition_penalty = 1.0;
  double encoder_repetition_penalty = 1.0;  ///< Above 1 makes tokens of the source likelier.
  int no_repeat_ngram_size = 0;
  int encoder_no_repeat_ngram_size = 0;
  std::vector<std::vector<TokenId>> bad_words_ids;
  std::vector<TokenId> suppress_tokens;
  std::vector<TokenId> begin_suppress_tokens;
  std::optional<TokenId> forced_bos_token_id;
  std::vector<TokenId> forced_eos_token_ids;  ///< `forced_eos_token_id`: one id, or a list.
  bool renormalize_logits = false;
  bool do_sample = false;
  double temperature = 1.0;
  int top_k = 50;
  double top_p = 1.0;
  double typical_p = 1.0;
  double epsilon_cutoff = 0.0;
  double eta_cutoff = 0.0;
  /// Most tokens that are foretold by looking up what was said before, and confirmed by the model together.
  /// Changes the time that greedy search and sampling take and no result. Named as in later versions of the
  /// reference, which look up in the prompt.
  std::optional<int> prompt_lookup_num_tokens;
  int max_matching_ngram_size = 4;    ///< Longest sequence that is looked up.
  std::optional<std::uint64_t> seed;  ///< Ours: sampling is reproducible when set.

  TokenId pad_token_id = 0;
  std::vector<TokenId> eos_token_ids = {1};
  TokenId decoder_start_token_id = 0;
  std::optional<TokenId> bos_token_id;

  /// Lays the settings in `json` over this: config.json, generation_config.json, `task_specific_params` or a
  /// request's `parameters`. With `strict`, an unknown name is an error with the nearest known one (a
  /// request); without, it is skipped (a file). null turns an optional setting off. Names of the reference
  /// that cannot change a result (use_cache ...) are accepted. Nothing is changed on failure. Errors:
  /// kInvalidArgument naming the setting and what it takes; kUnsupported naming a setting of the reference
  /// that would change the result and is not implemented (num_beam_groups ...).
  Result<void> apply(const Json& json, bool strict);
  /// Errors: kInvalidArgument for values out of range and for settings that contradict each other
  /// (num_return_sequences > num_beams ...).
  Result<void> validate() const;
};

/// What a checkpoint generates with when nothing else is said: its generation_config.json, or, where that is
/// absent or says it was derived from the model's configuration, config.json over it. What config.json leaves
/// out comes from the defaults of the reference's configuration class for its `model_type`. Token ids that a
/// generation_config.json of its own leaves out come from config.json. Without a start token the `bos` token
/// starts, and without padding the end of sequence pads.
///
/// `task`, a pipeline of the reference ("summarization", "text-generation"), lays config.json's
/// `task_specific_params` of that name on top, as the pipeline does; empty: generate() alone. Errors: as
/// apply().
Result<GenerationConfig> default_generation_config(const Json& config, const Json& generation_config,
                                                   std::string_view task = {});
/// The same as the JSON object that is applied: beside the settings it may hold all else that config.json
/// says. A missing padding token is left out.
Json default_generation_settings(const Json& config, const Json& generation_config,
                                 std::string_view task = {});

}  // namespace epicrisis
