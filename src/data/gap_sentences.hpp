#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/token_id.hpp"
#include "data/packed_batch.hpp"
#include "data/random_stream.hpp"

namespace epicrisis::data {

/// How the importance of sentences is judged (Zhang et al. 2020, section 3.1).
enum class GapSelection {
  kIndependent,  ///< "Ind-Orig": each sentence against the rest of the document.
  kSequential,   ///< "Seq-Orig": the set chosen so far, grown by the sentence that helps it most.
};

/// Self-supervised summarization as PEGASUS does it (Zhang et al. 2020: "PEGASUS: Pre-training with Extracted
/// Gap-sentences for Abstractive Summarization"): principal sentences are masked out of a document and their
/// concatenation is the target.
struct GapSentenceOptions {
  double ratio_min = 0.15;  ///< Share of sentences chosen, drawn uniformly from [ratio_min, ratio_max].
  double ratio_max = 0.45;
  double score_noise = 0.2;  ///< Scores are multiplied by a factor from [1 - noise, 1 + noise].
  double keep_ratio = 0.2;   ///< Share of chosen sentences that stay visible, so that copying is learnt too.
  GapSelection selection = GapSelection::kIndependent;
  std::size_t max_target_tokens = 128;  ///< End of sequence included.
  TokenId mask = 2;                     ///< Stands for a sentence taken out (<mask_1>).
  TokenId end_of_sequence = 1;
};

using Sentence = std::span<const TokenId>;

/// ROUGE-1 F1, on token ids, of each sentence against all the others together.
std::vector<double> independent_scores(std::span<const Sentence> sentences);
/// The order in which sequential selection takes sentences, its first `count`; `noise[i]` multiplies the
/// scores of sets that end in sentence i.
std::vector<std::size_t> sequential_order(std::span<const Sentence> sentences, std::size_t count,
                                          std::span<const double> noise);

/// One training pair of a document; both sides end with the end-of-sequence token. The pair is settled by
/// `random`. Precondition: at least two sentences, none empty.
TrainingPair make_gap_sentence_pair(std::span<const Sentence> sentences, const GapSentenceOptions& options,
                                    RandomStream random);

}  // namespace epicrisis::data
