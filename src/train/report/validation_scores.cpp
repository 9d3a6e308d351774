#include "train/report/validation_scores.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "checkpoint/task_prefix.hpp"
#include "evaluate/baselines.hpp"
#include "text/tokenizer.hpp"
#include "train/report/example_choice.hpp"
#include "train/report/validation_outputs.hpp"
#include "train/report/write_training_report.hpp"

namespace epicrisis::train {
namespace {

/// Texts of examples as the model reads them: cut to its limits, without the prompt around them.
struct ReadTexts {
  std::vector<std::string> notes;
  std::vector<std::string> summaries;
};

ReadTexts read_texts(const TrainingSetup& setup, const data::TokenisedDataset& examples,
                     const std::vector<std::size_t>& indices) {
  const std::string prefix = task_prefix(setup.start.config, "summarization");
  const std::string suffix = task_suffix(setup.start.config, "summarization");
  ReadTexts texts;
  for (const std::size_t index : indices) {
    const data::TrainingPair pair = examples.example(index, 0);
    std::string note = setup.tokenizer->decode(pair.source);
    if (!prefix.empty() && note.starts_with(prefix)) note.erase(0, prefix.size());
    if (!suffix.empty() && note.ends_with(suffix)) note.erase(note.size() - suffix.size());
    texts.notes.push_back(std::move(note));
    texts.summaries.push_back(setup.tokenizer->decode(pair.target));
  }
  return texts;
}

std::vector<std::string> references_at(const TrainingSetup& setup, const std::vector<std::size_t>& indices) {
  std::vector<std::string> references;
  for (const std::size_t index : indices) references.push_back(setup.validation.references[index]);
  return references;
}

std::vector<double> rouge_l(const std::vector<std::string>& outputs,
                            const std::vector<std::string>& references) {
  evaluate::RougeScorer scorer;
  std::vector<double> scores;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    scores.push_back(100 * scorer.score(outputs[i], references[i]).rouge_l.f1);
  return scores;
}

/// Why no model output can be had, or nothing.
std::string refusal(const TrainingOptions& options) {
  return options.predict_with_generate
             ? std::string()
             : "No outputs of the model: the run was made without --predict-with-generate.";
}

void add_examples(const TrainingOptions& options, const ValidationOutputs& outputs,
                  const std::vector<std::string>& notes, const std::vector<std::string>& references,
                  TrainingReport& report) {
  if (options.report_examples == 0) return;
  const std::vector<double> after = rouge_l(outputs.after, references);
  const std::vector<double> before = rouge_l(outputs.before, references);
  const auto example = [&](std::size_t i) {
    ReportedExample shown{outputs.examples[i] + 1, notes[i], references[i], {},
                          outputs.after[i],        {},       after[i]};
    if (!outputs.before.empty()) {
      shown.before = outputs.before[i];
      shown.rouge_l_before = before[i];
    }
    return shown;
  };
  const ExampleChoice choice = choose_examples(after, options.report_examples, options.seed);
  std::ranges::transform(choice.worst, std::back_inserter(report.worst), example);
  std::ranges::transform(choice.random, std::back_inserter(report.random), example);
}

}  // namespace

void add_validation_scores(const TrainingOptions& options, const TrainingSetup& setup,
                           TrainingObserver& observer, TrainingReport& report) {
  const std::vector<std::size_t> indices =
      draw_examples(setup.validation.references.size(), kMostScoredExamples, options.seed);
  const std::vector<std::string> notes = read_texts(setup, *setup.validation.examples, indices).notes;
  const std::vector<std::string> references = references_at(setup, indices);
  const ReadTexts training = read_texts(
      setup, *setup.train, draw_examples(setup.train->size(), kMostBaselineExamples, options.seed));
  report.validation_examples = setup.validation.references.size();
  report.scored_examples = indices.size();

  std::vector<evaluate::SystemOutput> systems;
  report.without_outputs = refusal(options);
  if (report.without_outputs.empty()) {
    Result<ValidationOutputs> outputs = write_validation_outputs(options, setup, indices, observer);
    if (outputs) {
      systems.push_back({setup.from_scratch ? "after training" : "after fine-tuning", outputs->after});
      if (!outputs->before.empty()) systems.push_back({"before fine-tuning", outputs->before});
      add_examples(options, *outputs, notes, references, report);
    } else {
      report.without_outputs =
          fmt::format("The outputs of the model could not be computed: {}", outputs.error().public_message);
      observer.on_warning(report.without_outputs);
    }
  }
  std::ranges::move(evaluate::note_baselines(notes), std::back_inserter(systems));
  std::ranges::move(evaluate::training_baselines(notes, training.notes, training.summaries, {}),
                    std::back_inserter(systems));
  report.scores = evaluate::compare(systems, references, {});
}

}  // namespace epicrisis::train
