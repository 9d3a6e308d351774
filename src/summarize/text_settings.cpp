#include "summarize/text_settings.hpp"

namespace epicrisis {

TextOutput default_text_output(Task task) noexcept {
  const bool continues = task == Task::kTextGeneration;
  return {.full_text = continues, .clean_up = continues, .trim = task == Task::kSummarization};
}

GenerationConfig trial_config(GenerationConfig config) {
  constexpr int kTrialTokens = 16;
  config.num_beams = 1;
  config.num_return_sequences = 1;
  config.do_sample = false;
  config.min_length = 0;
  config.min_new_tokens.reset();
  config.max_new_tokens = kTrialTokens;
  return config;
}

}  // namespace epicrisis
