#include "evaluate/rouge.hpp"

#include <algorithm>
#include <utility>

#include "evaluate/detail/lcs.hpp"
#include "evaluate/detail/porter_stemmer.hpp"

namespace epicrisis::evaluate {
namespace {

constexpr std::size_t kLongestUnstemmed = 3;

RougeScore from_counts(std::size_t hits, std::size_t predicted, std::size_t expected) {
  if (hits == 0) return {};
  const double precision = static_cast<double>(hits) / static_cast<double>(predicted);
  const double recall = static_cast<double>(hits) / static_cast<double>(expected);
  return {precision, recall, 2 * (precision * recall / (precision + recall))};
}

/// Size of the intersection of two sorted multisets.
template <class T>
std::size_t count_common(const std::vector<T>& a, const std::vector<T>& b) {
  std::size_t common = 0;
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    if (*x == *y) {
      ++common;
      ++x;
      ++y;
    } else if (*x < *y) {
      ++x;
    } else {
      ++y;
    }
  }
  return common;
}

template <class T>
RougeScore score_grams(const std::vector<T>& predicted, const std::vector<T>& expected) {
  return from_counts(count_common(predicted, expected), predicted.size(), expected.size());
}

using Counts = std::unordered_map<std::uint32_t, std::size_t>;

/// Lin 2004, section 3.2, with the clipping that ROUGE-1.5.5 adds: no word counts more often than it occurs
/// on either side.
RougeScore score_lines(const RougeText& prediction, const RougeText& reference) {
  Counts left_predicted;
  Counts left_expected;
  for (const std::uint32_t word : prediction.words) ++left_predicted[word];
  for (const std::uint32_t word : reference.words) ++left_expected[word];
  std::size_t hits = 0;
  for (const auto& line : reference.lines) {
    std::vector<bool> in_union(line.size(), false);
    for (const auto& predicted : prediction.lines) {
      for (const std::size_t position : detail::lcs_positions(line, predicted)) in_union[position] = true;
    }
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (!in_union[i]) continue;
      std::size_t& predicted = left_predicted[line[i]];
      std::size_t& expected = left_expected[line[i]];
      if (predicted == 0 || expected == 0) continue;
      --predicted;
      --expected;
      ++hits;
    }
  }
  return from_counts(hits, prediction.words.size(), reference.words.size());
}

/// Calls `take` with each run of [a-z0-9] of the lower-cased text. Two letters outside ASCII have lower-case
/// forms that begin inside it: the Kelvin sign (k) and the dotted capital I (i, then a combining dot).
template <class Take>
void for_each_word(std::string_view text, const Take& take) {
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) take(std::exchange(word, {}));
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      word += c;
    } else if (c >= 'A' && c <= 'Z') {
      word += static_cast<char>(c - 'A' + 'a');
    } else if (text.substr(i).starts_with("\u212A")) {
      word += 'k';
      i += 2;
    } else if (text.substr(i).starts_with("\u0130")) {
      word += 'i';
      ++i;
      end_word();
    } else {
      end_word();
    }
  }
  end_word();
}

}  // namespace

std::vector<std::string> rouge_words(std::string_view text, const RougeOptions& options) {
  std::vector<std::string> words;
  for_each_word(text, [&](std::string word) {
    const bool stem = options.use_stemmer && word.size() > kLongestUnstemmed;
    words.push_back(stem ? detail::porter_stem(word) : std::move(word));
  });
  return words;
}

std::vector<std::uint32_t> RougeScorer::word_ids(std::string_view text) {
  std::vector<std::uint32_t> ids;
  for (std::string& word : rouge_words(text, options_)) {
    ids.push_back(ids_.try_emplace(std::move(word), static_cast<std::uint32_t>(ids_.size())).first->second);
  }
  return ids;
}

RougeText RougeScorer::prepare(std::string_view text) {
  RougeText prepared;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) {
      prepared.lines.push_back(word_ids(text.substr(begin, end - begin)));
      // Line breaks separate words, so the words of the text are those of its lines.
      prepared.words.insert(prepared.words.end(), prepared.lines.back().begin(), prepared.lines.back().end());
    }
    begin = end + 1;
  }
  prepared.sorted_words = prepared.words;
  std::ranges::sort(prepared.sorted_words);
  for (std::size_t i = 1; i < prepared.words.size(); ++i) {
    prepared.sorted_bigrams.push_back(std::uint64_t{prepared.words[i - 1]} << 32 | prepared.words[i]);
  }
  std::ranges::sort(prepared.sorted_bigrams);
  return prepared;
}

RougeScores RougeScorer::score(const RougeText& prediction, const RougeText& reference) {
  RougeScores scores;
  scores.rouge1 = score_grams(prediction.sorted_words, reference.sorted_words);
  scores.rouge2 = score_grams(prediction.sorted_bigrams, reference.sorted_bigrams);
  scores.rouge_l = from_counts(detail::lcs_length(prediction.words, reference.words), prediction.words.size(),
                               reference.words.size());
  // With one line on each side there is nothing to unite and nothing to clip.
  const bool one_line = prediction.lines.size() <= 1 && reference.lines.size() <= 1;
  scores.rouge_lsum = one_line ? scores.rouge_l : score_lines(prediction, reference);
  return scores;
}

RougeScores RougeScorer::score(std::string_view prediction, std::string_view reference) {
  const RougeText predicted = prepare(prediction);
  return score(predicted, prepare(reference));
}

RougeScores mean(std::span<const RougeScores> scores) {
  RougeScores total;
  if (scores.empty()) return total;
  const auto add = [&](RougeScore& sum, const RougeScore& score) {
    sum.precision += score.precision / static_cast<double>(scores.size());
    sum.recall += score.recall / static_cast<double>(scores.size());
    sum.f1 += score.f1 / static_cast<double>(scores.size());
  };
  for (const RougeScores& score : scores) {
    add(total.rouge1, score.rouge1);
    add(total.rouge2, score.rouge2);
    add(total.rouge_l, score.rouge_l);
    add(total.rouge_lsum, score.rouge_lsum);
  }
  return total;
}

}  // namespace epicrisis::evaluate
