#pragma once

#include "generation/generation_config.hpp"
#include "summarize/task.hpp"

namespace epicrisis {

/// What of a generated sequence is shown as its text. The first and the last concern decoder-only models,
/// whose sequences begin with the prompt.
struct TextOutput {
  bool full_text = false;  ///< `return_full_text`: the input and what continues it; else the latter alone.
  bool clean_up = false;   ///< `clean_up_tokenization_spaces`: see text/clean_up.hpp.
  bool trim = false;       ///< Without white space around it.
};

/// How an input becomes a text.
struct TextSettings {
  GenerationConfig generation;
  TextOutput output;
};

/// What the reference's pipeline of that name shows. Its summarization takes no decoder-only models; ours
/// shows their continuation, trimmed.
TextOutput default_text_output(Task task) noexcept;

/// `config` made short and repeatable, for trials of a model: a few tokens, found by greedy search.
GenerationConfig trial_config(GenerationConfig config);

}  // namespace epicrisis
