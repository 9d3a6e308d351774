#include "api/worker/model_service.hpp"

#include <utility>

#include "summarize/summarizer.hpp"

namespace epicrisis::api {
namespace {

class ModelService final : public SummarizationService {
 public:
  explicit ModelService(std::shared_ptr<const Summarizer> summarizer) : summarizer_(std::move(summarizer)) {}

  Result<std::vector<std::string>> summarize(std::span<const ClinicalText> notes,
                                             const GenerationConfig& config, std::stop_token stop) override {
    std::vector<std::string> texts;
    texts.reserve(notes.size());
    for (const ClinicalText& note : notes) texts.push_back(note.reveal());
    EPICRISIS_ASSIGN_OR_RETURN(std::vector<Summary> summaries,
                               summarizer_->summarize(texts, config, std::move(stop)));
    texts.clear();
    for (Summary& summary : summaries) texts.push_back(std::move(summary.text));
    return texts;
  }

  const GenerationConfig& default_config() const noexcept override { return summarizer_->defaults(); }

 private:
  const std::shared_ptr<const Summarizer> summarizer_;
};

}  // namespace

std::shared_ptr<SummarizationService> make_model_service(std::shared_ptr<const Summarizer> summarizer) {
  return std::make_shared<ModelService>(std::move(summarizer));
}

}  // namespace epicrisis::api
