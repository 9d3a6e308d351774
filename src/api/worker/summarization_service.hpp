#pragma once

#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
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
  /// The same for one note, whose text is also given in pieces as they settle, on the calling thread.
  virtual Result<std::string> summarize_streaming(
      const ClinicalText& note, const TextSettings& settings,
      const std::function<void(std::string_view piece)>& take_piece, std::stop_token stop) = 0;
  /// The settings of model and task, which a request's `parameters` are laid over.
  virtual const TextSettings& default_settings() const noexcept = 0;
};

}  // namespace epicrisis::api
