#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace epicrisis::evaluate {

/// Finds the training note most like a given one: cosine of TF-IDF vectors (Salton and Buckley 1988) over
/// ROUGE's unstemmed words, weight tf * (1 + ln((1 + N) / (1 + df))), through an inverted index.
/// Immutable once built; finding is thread-safe.
class NearestNote {
 public:
  /// Precondition: at least one note.
  explicit NearestNote(std::span<const std::string> notes);

  /// Index of the nearest note; the earliest of equals, so 0 for a note that shares no word with any.
  std::size_t find(std::string_view note) const;

 private:
  struct Posting {
    std::uint32_t note;
    float weight;  ///< Already divided by the length of the note's vector.
  };
  struct Word {
    double inverse_document_frequency = 0;
    std::vector<Posting> postings;
  };

  std::unordered_map<std::string, Word> index_;
  std::size_t notes_;
};

}  // namespace epicrisis::evaluate
