#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "synth/generator.hpp"

namespace epicrisis::synth {

/// Figures on how much notes repeat each other: distinct 4-grams of words, and for each note the Jaccard
/// similarity of its 4-grams with those of the most similar other note. Exact, over an
/// inverted index.
class DiversityReport {
 public:
  void add(const SyntheticNote& note);

  struct Similarity {
    double mean = 0;
    double median = 0;
    double p95 = 0;
    double largest = 0;
  };
  Similarity nearest_neighbours() const;

  /// What `epicrisis synth --report` prints.
  std::string text(const Content& content) const;

  std::size_t distinct_4grams() const noexcept { return notes_of_.size(); }

 private:
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> notes_of_;  ///< 4-gram hash -> notes with it.
  std::vector<std::vector<std::uint64_t>> grams_;  ///< Distinct 4-grams of each note.
  std::vector<std::size_t> note_words_;
  std::vector<std::size_t> summary_words_;
  std::map<std::string, std::size_t> presentations_;
  std::map<std::string, std::size_t> note_types_;
  std::unordered_map<std::string, std::size_t> summaries_;
  std::size_t total_4grams_ = 0;
  TypoCount typos_;
};

}  // namespace epicrisis::synth
