#include "evaluate/lead_sentences.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

namespace epicrisis::evaluate {
namespace {

constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";

bool is_space(char c) { return kWhiteSpace.find(c) != std::string_view::npos; }

std::string join(std::span<const std::string_view> sentences) {
  return fmt::format("{}", fmt::join(sentences.begin(), sentences.end(), " "));
}

}  // namespace

std::vector<std::string_view> plain_sentences(std::string_view text) {
  std::vector<std::string_view> sentences;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const bool ends =
        i == text.size() || text[i] == '\n' ||
        (is_space(text[i]) && i > 0 && std::string_view(".!?").find(text[i - 1]) != std::string_view::npos);
    if (!ends) continue;
    std::string_view sentence = text.substr(begin, i - begin);
    begin = i + 1;
    const std::size_t first = sentence.find_first_not_of(kWhiteSpace);
    if (first == std::string_view::npos) continue;
    sentences.push_back(sentence.substr(first, sentence.find_last_not_of(kWhiteSpace) - first + 1));
  }
  return sentences;
}

std::string first_sentences(std::string_view text, std::size_t count) {
  const auto sentences = plain_sentences(text);
  return join(std::span(sentences).first(std::min(count, sentences.size())));
}

std::string last_sentences(std::string_view text, std::size_t count) {
  const auto sentences = plain_sentences(text);
  return join(std::span(sentences).last(std::min(count, sentences.size())));
}

}  // namespace epicrisis::evaluate
