#include "api/worker/model_service.hpp"

#include <utility>

#include "base/check.hpp"
#include "summarize/summarizer.hpp"

namespace epicrisis::api {
namespace {

class ModelService final : public SummarizationService {
 public:
  explicit ModelService(std::shared_ptr<const Summarizer> summarizer)
      : summarizer_(std::move(summarizer)),
        defaults_{summarizer_->defaults(), summarizer_->default_output()} {}

  Result<std::vector<Texts>> summarize(std::span<const ClinicalText> notes, const TextSettings& settings,
                                       std::stop_token stop) override {
    std::vector<std::string> inputs;
    inputs.reserve(notes.size());
    for (const ClinicalText& note : notes) inputs.push_back(note.reveal());
    EPICRISIS_ASSIGN_OR_RETURN(std::vector<Summary> summaries,
                               summarizer_->summarize(inputs, settings, std::move(stop)));
    const auto each = static_cast<std::size_t>(settings.generation.num_return_sequences);
    EPICRISIS_CHECK(summaries.size() == inputs.size() * each);
    std::vector<Texts> texts(inputs.size());
    for (std::size_t i = 0; i < summaries.size(); ++i) {
      texts[i / each].push_back(std::move(summaries[i].text));
    }
    return texts;
  }

  Result<std::string> summarize_streaming(const ClinicalText& note, const TextSettings& settings,
                                          const std::function<void(std::string_view)>& take_piece,
                                          std::stop_token stop) override {
    EPICRISIS_ASSIGN_OR_RETURN(Summary summary, summarizer_->summarize_streaming(
                                                    note.reveal(), settings, take_piece, std::move(stop)));
    return std::move(summary.text);
  }

  const TextSettings& default_settings() const noexcept override { return defaults_; }

 private:
  const std::shared_ptr<const Summarizer> summarizer_;
  const TextSettings defaults_;
};

}  // namespace

std::shared_ptr<SummarizationService> make_model_service(std::shared_ptr<const Summarizer> summarizer) {
  return std::make_shared<ModelService>(std::move(summarizer));
}

}  // namespace epicrisis::api
