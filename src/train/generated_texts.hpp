#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "train/training_setup.hpp"
#include "train/transformer.hpp"

namespace epicrisis::train {

/// What a model wrote for a note.
struct GeneratedText {
  std::string text;        ///< Clinical text.
  std::size_t tokens = 0;  ///< The closing one and an encoder-decoder's start token counted, a prompt not.
};

/// Summaries of the validation examples at `indices`, computed side by side: with the settings that the
/// finished model will carry, but --generation-num-beams and no sampling.
Result<std::vector<GeneratedText>> generate_texts(const Transformer& model, const TrainingSetup& setup,
                                                  const TrainingOptions& options,
                                                  std::span<const std::size_t> indices);

}  // namespace epicrisis::train
