#pragma once

#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clinical_text.hpp"
#include "base/result.hpp"
#include "generation/generation_config.hpp"

namespace epicrisis::api {

/// The model behind a worker. Thread-safe.
class SummarizationService {
 public:
  virtual ~SummarizationService() = default;

  /// The text generated for each note, in order, each equal to what the note gives alone. Errors:
  /// kInvalidArgument for a note or a setting the model cannot take, kCancelled once `stop` is requested,
  /// kResourceExhausted. Blocks; runs on a compute thread.
  virtual Result<std::vector<std::string>> summarize(std::span<const ClinicalText> notes,
                                                     const GenerationConfig& config,
                                                     std::stop_token stop) = 0;
  /// The model's own settings, which a request's `parameters` are laid over.
  virtual const GenerationConfig& default_config() const noexcept = 0;
};

}  // namespace epicrisis::api
