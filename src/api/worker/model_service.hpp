#pragma once

#include <memory>

#include "api/worker/summarization_service.hpp"

namespace epicrisis {
class Summarizer;
}

namespace epicrisis::api {

/// Serves a loaded model folder.
std::shared_ptr<SummarizationService> make_model_service(std::shared_ptr<const Summarizer> summarizer);

}  // namespace epicrisis::api
