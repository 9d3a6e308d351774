#include "evaluate/nearest_note.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "evaluate/rouge.hpp"

namespace epicrisis::evaluate {
namespace {

std::unordered_map<std::string, std::size_t> count_words(std::string_view note) {
  std::unordered_map<std::string, std::size_t> counts;
  for (std::string& word : rouge_words(note)) ++counts[std::move(word)];
  return counts;
}

}  // namespace

NearestNote::NearestNote(std::span<const std::string> notes) : notes_(notes.size()) {
  EPICRISIS_CHECK(!notes.empty());
  for (std::uint32_t i = 0; i < notes.size(); ++i) {
    for (const auto& [word, count] : count_words(notes[i])) {
      index_[word].postings.push_back({i, static_cast<float>(count)});
    }
  }
  std::vector<double> squares(notes.size(), 0);
  for (auto& [text, word] : index_) {
    word.inverse_document_frequency = 1 + std::log((1.0 + static_cast<double>(notes.size())) /
                                                   (1.0 + static_cast<double>(word.postings.size())));
    for (Posting& posting : word.postings) {
      posting.weight *= static_cast<float>(word.inverse_document_frequency);
      squares[posting.note] += static_cast<double>(posting.weight) * posting.weight;
    }
  }
  for (auto& [text, word] : index_) {
    for (Posting& posting : word.postings)
      posting.weight /= static_cast<float>(std::sqrt(squares[posting.note]));
  }
}

std::size_t NearestNote::find(std::string_view note) const {
  // The length of this note's own vector is the same for all candidates, so it is left out.
  std::vector<double> similarity(notes_, 0);
  for (const auto& [text, count] : count_words(note)) {
    const auto entry = index_.find(text);
    if (entry == index_.end()) continue;
    const double weight = static_cast<double>(count) * entry->second.inverse_document_frequency;
    for (const Posting& posting : entry->second.postings) similarity[posting.note] += weight * posting.weight;
  }
  return static_cast<std::size_t>(std::ranges::max_element(similarity) - similarity.begin());
}

}  // namespace epicrisis::evaluate
