#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace epicrisis::evaluate {

/// Overlap of one prediction with its reference, each in [0, 1].
struct RougeScore {
  double precision = 0;
  double recall = 0;
  double f1 = 0;
};

/// ROUGE (Lin 2004) as Google's rouge_score package computes it, which published scores use.
struct RougeScores {
  RougeScore rouge1;      ///< Unigrams, each counted as often as it occurs in both.
  RougeScore rouge2;      ///< Bigrams.
  RougeScore rouge_l;     ///< Longest common subsequence of the whole texts; line breaks are blanks.
  RougeScore rouge_lsum;  ///< Union of the subsequences of each reference line with every line predicted.
};

struct RougeOptions {
  bool use_stemmer = false;  ///< Stem words of more than three letters (Porter, as NLTK changed it).
};

/// The words that ROUGE counts: runs of [a-z0-9] in the lower-cased text, stemmed if asked. `text` is UTF-8;
/// other letters separate words, as in the reference package.
std::vector<std::string> rouge_words(std::string_view text, const RougeOptions& options = {});

/// A text made ready for scoring against many others. Only texts of one RougeScorer compare.
struct RougeText {
  std::vector<std::uint32_t> words;
  std::vector<std::uint32_t> sorted_words;
  std::vector<std::uint64_t> sorted_bigrams;
  std::vector<std::vector<std::uint32_t>> lines;  ///< Non-empty lines; a line may hold no word.
};

/// Scores predictions against references. Keeps the words that it has seen; not thread-safe.
class RougeScorer {
 public:
  explicit RougeScorer(RougeOptions options = {}) : options_(options) {}

  RougeScores score(std::string_view prediction, std::string_view reference);

  RougeText prepare(std::string_view text);
  static RougeScores score(const RougeText& prediction, const RougeText& reference);

 private:
  std::vector<std::uint32_t> word_ids(std::string_view text);

  RougeOptions options_;
  std::unordered_map<std::string, std::uint32_t> ids_;
};

/// Mean of each number; zeros for no scores.
RougeScores mean(std::span<const RougeScores> scores);

}  // namespace epicrisis::evaluate
