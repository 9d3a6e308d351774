#include "train/report/validation_outputs.hpp"

#include <algorithm>
#include <numeric>
#include <span>

#include "data/random_stream.hpp"
#include "train/generated_texts.hpp"
#include "train/transformer.hpp"

namespace epicrisis::train {
namespace {

Result<std::vector<std::string>> outputs_of(const Transformer& model, const TrainingOptions& options,
                                            const TrainingSetup& setup, std::span<const std::size_t> examples,
                                            TrainingObserver& observer) {
  std::vector<std::string> outputs;
  const std::size_t batch_size = std::max<std::size_t>(1, options.per_device_eval_batch_size);
  while (outputs.size() < examples.size()) {
    if (observer.stop_requested()) return Error{ErrorCode::kCancelled, "Interrupted.", {}};
    const auto batch =
        examples.subspan(outputs.size(), std::min(batch_size, examples.size() - outputs.size()));
    EPICRISIS_ASSIGN_OR_RETURN(std::vector<GeneratedText> texts,
                               generate_texts(model, setup, options, batch));
    for (GeneratedText& text : texts) outputs.push_back(std::move(text.text));
  }
  return outputs;
}

}  // namespace

std::vector<std::size_t> draw_examples(std::size_t count, std::size_t most, std::uint64_t seed) {
  std::vector<std::size_t> indices(count);
  std::iota(indices.begin(), indices.end(), std::size_t{0});
  if (count <= most) return indices;
  data::RandomStream random(seed);
  random.shuffle(indices);
  indices.resize(most);
  std::ranges::sort(indices);
  return indices;
}

Result<ValidationOutputs> write_validation_outputs(const TrainingOptions& options, const TrainingSetup& setup,
                                                   std::vector<std::size_t> examples,
                                                   TrainingObserver& observer) {
  ValidationOutputs outputs{std::move(examples), {}, {}};
  EPICRISIS_ASSIGN_OR_RETURN(const Checkpoint finished, load_checkpoint(options.output_dir));
  EPICRISIS_ASSIGN_OR_RETURN(Transformer model, Transformer::create(finished.architecture));
  EPICRISIS_RETURN_IF_ERROR(model.load(finished.weights));
  EPICRISIS_ASSIGN_OR_RETURN(outputs.after, outputs_of(model, options, setup, outputs.examples, observer));
  if (setup.from_scratch) return outputs;
  EPICRISIS_ASSIGN_OR_RETURN(const Checkpoint start, load_checkpoint(options.model));
  EPICRISIS_RETURN_IF_ERROR(model.load(start.weights));
  EPICRISIS_ASSIGN_OR_RETURN(outputs.before, outputs_of(model, options, setup, outputs.examples, observer));
  return outputs;
}

}  // namespace epicrisis::train
