#pragma once

#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clinical_text.hpp"
#include "base/result.hpp"
#include "summarize/text_settings.hpp"

namespace epicrisis::api {

/// The texts generated for one input: num_return_sequences of them.
using Texts = std::vector<std::string>;

/// The model behind a worker. Thread-safe.
class SummarizationService {
 public:
  virtual ~SummarizationService() = default;

  /// The texts generated for each note, in order, equal to what the note gives alone. Errors:
  /// kInvalidArgument for a note or a setting the model cannot take, kCancelled once `stop` is requested,
  /// kResourceExhausted. Blocks; runs on a compute thread.
  virtual Result<std::vector<Texts>> summarize(std::span<const ClinicalText> notes,
                                               const TextSettings& settings, std::stop_token stop) = 0;
  /// The settings of model and task, which a request's `parameters` are laid over.
  virtual const TextSettings& default_settings() const noexcept = 0;
};

}  // namespace epicrisis::api
