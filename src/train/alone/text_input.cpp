#include "train/text_input.hpp"

#include <utility>

namespace epicrisis::train {
namespace {

Error full_build_only(std::string message) { return {ErrorCode::kUnsupported, std::move(message), {}}; }

}  // namespace

Result<std::shared_ptr<const Tokenizer>> load_tokenizer(const std::filesystem::path&) {
  return std::shared_ptr<const Tokenizer>();
}

/// Prepared data is checked against the model token by token when it is opened.
Result<void> check_vocabulary(const Tokenizer*, const Architecture&) { return {}; }

Result<Json> config_of_new_model(const TrainingOptions&, const Tokenizer*) {
  return full_build_only(
      "A trainer that was built alone starts from a model folder; give --model-name-or-path.");
}

Result<data::PreparedDataset> prepare_text(const TrainingOptions&, TrainingObserver&, const TrainingSetup&) {
  return full_build_only(
      "A trainer that was built alone reads no text: tokenize it elsewhere with 'epicrisis train "
      "--prepare-only' and give that folder as --prepared-data.");
}

Result<void> read_gap_sentences(const TrainingOptions&, TrainingSetup&) {
  return full_build_only("--objective gap-sentences tokenizes text, which needs the full build.");
}

}  // namespace epicrisis::train
