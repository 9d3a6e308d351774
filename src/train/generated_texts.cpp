#include "train/generated_texts.hpp"

#include "generation/generate.hpp"
#include "text/tokenizer.hpp"
#include "train/torch_backend.hpp"

namespace epicrisis::train {
namespace {

Result<GenerationConfig> search_settings(const TrainingSetup& setup, const TrainingOptions& options) {
  GenerationConfig config;
  EPICRISIS_RETURN_IF_ERROR(config.apply(setup.start.generation_config, false));
  config.num_beams = options.generation_num_beams;
  config.num_return_sequences = 1;
  config.do_sample = false;
  return config;
}

}  // namespace

Result<std::vector<GeneratedText>> generate_texts(const Transformer& model, const TrainingSetup& setup,
                                                  const TrainingOptions& options,
                                                  std::span<const std::size_t> indices) {
  EPICRISIS_ASSIGN_OR_RETURN(const GenerationConfig config, search_settings(setup, options));
  const TorchBackend backend(model);
  std::vector<std::vector<TokenId>> sources;
  for (const std::size_t index : indices)
    sources.push_back(setup.validation.examples->example(index, 0).source);
  EPICRISIS_ASSIGN_OR_RETURN(const auto hypotheses, generate(backend, sources, config));
  std::vector<GeneratedText> texts;
  for (std::size_t i = 0; i < hypotheses.size(); ++i) {
    std::vector<TokenId> ids = hypotheses[i].front().ids;
    if (!backend.is_encoder_decoder())  // what a decoder-only model wrote begins behind its prompt
      ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(sources[i].size()));
    texts.push_back({setup.tokenizer->decode(ids), ids.size()});
  }
  return texts;
}

}  // namespace epicrisis::train
