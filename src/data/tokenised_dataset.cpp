#include "data/tokenised_dataset.hpp"

#include "data/detail/parallel_for.hpp"
#include "text/sentences/sentence_splitter.hpp"
#include "text/tokenizer.hpp"

namespace epicrisis::data {

Result<std::unique_ptr<GapSentenceDataset>> GapSentenceDataset::build(std::span<const std::string> documents,
                                                                      const Tokenizer& tokenizer,
                                                                      const LengthLimits& limits,
                                                                      GapSentenceOptions options,
                                                                      std::uint64_t seed) {
  const auto mask = tokenizer.token_to_id("<mask_1>");
  const auto end = tokenizer.token_to_id("</s>");
  if (!mask || !end)
    return Error{ErrorCode::kInvalidArgument,
                 "Gap-sentence training needs a tokenizer with <mask_1> and </s>; train one with 'epicrisis "
                 "tokenizer train'.",
                 {}};
  auto dataset = std::make_unique<GapSentenceDataset>();
  options.mask = *mask;
  options.end_of_sequence = *end;
  options.max_target_tokens = limits.max_target_tokens;
  dataset->options_ = options;
  dataset->seed_ = seed;

  std::vector<std::vector<std::vector<TokenId>>> encoded(documents.size());
  detail::parallel_for(documents.size(), [&](std::size_t i) {
    EncodeOptions plain;
    plain.add_special_tokens = false;
    plain.max_length = limits.max_source_tokens - 1;
    for (const std::string_view sentence : split_sentences(documents[i])) {
      std::vector<TokenId> ids = tokenizer.encode(sentence, plain).ids;
      if (!ids.empty()) encoded[i].push_back(std::move(ids));
    }
  });
  for (auto& sentences : encoded) {
    dataset->append_document(sentences, limits.max_source_tokens - 1);
    sentences = {};
  }
  if (dataset->windows_.empty())
    return Error{ErrorCode::kInvalidArgument, "No training document has two sentences.", {}};
  return dataset;
}

void GapSentenceDataset::append_document(std::span<const std::vector<TokenId>> sentences,
                                         std::size_t max_tokens) {
  Window window{sentence_offsets_.size() - 1, sentence_offsets_.size() - 1, 0};
  const auto close = [&] {
    if (window.last - window.first >= 2) windows_.push_back(window);
    window = {window.last, window.last, 0};
  };
  for (const std::vector<TokenId>& sentence : sentences) {
    if (window.tokens + sentence.size() > max_tokens) close();
    tokens_.insert(tokens_.end(), sentence.begin(), sentence.end());
    sentence_offsets_.push_back(tokens_.size());
    ++window.last;
    window.tokens += sentence.size();
  }
  close();
}

TrainingPair GapSentenceDataset::example(std::size_t index, std::uint64_t epoch) const {
  const Window& window = windows_[index];
  std::vector<Sentence> sentences;
  for (std::size_t i = window.first; i < window.last; ++i)
    sentences.emplace_back(tokens_.data() + sentence_offsets_[i],
                           sentence_offsets_[i + 1] - sentence_offsets_[i]);
  return make_gap_sentence_pair(sentences, options_, RandomStream(seed_, epoch, index));
}

}  // namespace epicrisis::data
