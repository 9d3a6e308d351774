#include "synth/diversity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace epicrisis::synth {
namespace {

constexpr std::size_t kGram = 4;

std::uint64_t fnv1a(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

/// Lower-case hashes of the words of a text: runs of letters and digits.
std::vector<std::uint64_t> word_hashes(std::string_view text) {
  std::vector<std::uint64_t> hashes;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) hashes.push_back(fnv1a(0xcbf29ce484222325ULL, word));
    word.clear();
  };
  for (const char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
      word += c;
    else if (c >= 'A' && c <= 'Z')
      word += static_cast<char>(c - 'A' + 'a');
    else
      flush();
  }
  flush();
  return hashes;
}

std::size_t words_in(std::string_view text) {
  bool inside = false;
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [&](char c) {
    const bool blank = c == ' ' || c == '\n';
    const bool starts = !blank && !inside;
    inside = !blank;
    return starts;
  }));
}

/// Value at `percent` of the sorted `values`.
template <class T>
T at_percent(std::vector<T> values, std::size_t percent) {
  if (values.empty()) return T{};
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, values.size() * percent / 100)];
}

std::string lengths_line(std::string_view name, const std::vector<std::size_t>& words) {
  return fmt::format("{} words: median {}, 5th percentile {}, 95th percentile {}, maximum {}\n", name,
                     at_percent(words, 50), at_percent(words, 5), at_percent(words, 95),
                     at_percent(words, 100));
}

}  // namespace

void DiversityReport::add(const SyntheticNote& note) {
  const std::vector<std::uint64_t> words = word_hashes(note.note);
  std::vector<std::uint64_t> grams;
  for (std::size_t i = 0; i + kGram <= words.size(); ++i) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (std::size_t j = 0; j < kGram; ++j)
      hash = (hash ^ words[i + j]) * 0x9e3779b97f4a7c15ULL + (hash >> 29);
    grams.push_back(hash);
  }
  total_4grams_ += grams.size();
  std::sort(grams.begin(), grams.end());
  grams.erase(std::unique(grams.begin(), grams.end()), grams.end());
  const auto index = static_cast<std::uint32_t>(grams_.size());
  for (const std::uint64_t gram : grams) notes_of_[gram].push_back(index);
  grams_.push_back(std::move(grams));
  note_words_.push_back(words_in(note.note));
  summary_words_.push_back(words_in(note.summary));
  ++presentations_[note.presentation];
  ++note_types_[note.note_type];
  ++summaries_[note.summary];
  typos_.words += note.typos.words;
  typos_.typos += note.typos.typos;
}

DiversityReport::Similarity DiversityReport::nearest_neighbours() const {
  std::vector<double> best(grams_.size(), 0.0);
  std::vector<std::uint32_t> shared(grams_.size(), 0);
  std::vector<std::uint32_t> touched;
  for (std::size_t i = 0; i < grams_.size(); ++i) {
    for (const std::uint64_t gram : grams_[i]) {
      for (const std::uint32_t other : notes_of_.at(gram)) {
        if (other == i) continue;
        if (shared[other]++ == 0) touched.push_back(other);
      }
    }
    for (const std::uint32_t other : touched) {
      const double overlap = shared[other];
      const double both = static_cast<double>(grams_[i].size() + grams_[other].size()) - overlap;
      best[i] = std::max(best[i], overlap / both);
      shared[other] = 0;
    }
    touched.clear();
  }
  Similarity result;
  if (best.empty()) return result;
  result.mean = std::accumulate(best.begin(), best.end(), 0.0) / static_cast<double>(best.size());
  result.median = at_percent(best, 50);
  result.p95 = at_percent(best, 95);
  result.largest = at_percent(best, 100);
  return result;
}

std::string DiversityReport::text(const Content& content) const {
  std::size_t productions = 0;
  std::size_t held_out = 0;
  for (const auto& [name, alternatives] : content.rules) {
    if (name.starts_with("sum")) continue;
    productions += alternatives.size();
    held_out += static_cast<std::size_t>(std::count_if(alternatives.begin(), alternatives.end(),
                                                       [](const Production& p) { return p.held_out; }));
  }
  const auto held_out_presentations =
      std::count_if(content.presentations.begin(), content.presentations.end(),
                    [](const Presentation& p) { return p.held_out; });
  const Similarity nearest = nearest_neighbours();
  std::string out = fmt::format("notes: {}\n", grams_.size());
  out += fmt::format("presentations in the data: {}, of which held out: {}\n", content.presentations.size(),
                     held_out_presentations);
  out += fmt::format("productions in the grammar: {}, of which held out: {}\n", productions, held_out);
  out += fmt::format("distinct 4-grams: {} of {}\n", notes_of_.size(), total_4grams_);
  out += fmt::format(
      "nearest neighbour, 4-gram Jaccard: mean {:.3f}, median {:.3f}, 95th percentile {:.3f}, largest "
      "{:.3f}\n",
      nearest.mean, nearest.median, nearest.p95, nearest.largest);
  out += fmt::format("distinct summaries: {}\n", summaries_.size());
  out += lengths_line("note", note_words_);
  out += lengths_line("summary", summary_words_);
  out += fmt::format("typos: {} in {} ordinary words\n", typos_.typos, typos_.words);
  for (const auto& [type, count] : note_types_) out += fmt::format("type {}: {}\n", type, count);
  for (const auto& [presentation, count] : presentations_)
    out += fmt::format("{}: {}\n", presentation, count);
  return out;
}

}  // namespace epicrisis::synth
