#include "text/tokenizers/unigram_trainer.hpp"

#include <fmt/format.h>
#include <sentencepiece_trainer.h>

#include <charconv>
#include <random>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/sentences/sentence_splitter.hpp"
#include "text/tokenizers/pegasus_files.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

/// Fixed, whatever the machine has: the trainer's sums depend on how many threads share the work.
constexpr int kThreads = 2;
/// SentencePiece passes over longer lines; sentences are far below.
constexpr std::size_t kMaxSentenceBytes = 1 << 16;
/// After normalization. Every character of ASCII that is no space, and the signs of doses, ranges and trends.
constexpr std::string_view kClinicalSigns = "°×±≥≤→↑↓⁄μ–—’‘“”•";

/// Takes each sentence with the same chance once there are more than fit (Vitter 1985, algorithm R).
class SentenceSample {
 public:
  SentenceSample(std::size_t capacity, std::uint64_t seed) : capacity_(capacity), random_(seed) {}

  void add(std::string_view sentence) {
    ++seen_;
    if (sentences_.size() < capacity_) {
      sentences_.emplace_back(sentence);
    } else if (const std::uint64_t slot = random_() % seen_; slot < capacity_) {
      sentences_[slot] = sentence;
    }
  }
  std::size_t seen() const { return seen_; }
  const std::vector<std::string>& sentences() const { return sentences_; }

 private:
  std::size_t capacity_;
  std::mt19937_64 random_;
  std::size_t seen_ = 0;
  std::vector<std::string> sentences_;
};

/// Hands the sample to SentencePiece.
class SampleIterator final : public sentencepiece::SentenceIterator {
 public:
  explicit SampleIterator(const std::vector<std::string>& sentences) : sentences_(sentences) {}
  bool done() const override { return index_ >= sentences_.size(); }
  void Next() override { ++index_; }
  const std::string& value() const override { return sentences_[index_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  const std::vector<std::string>& sentences_;
  std::size_t index_ = 0;
};

std::string required_characters() {
  std::string characters;
  for (char c = '!'; c <= '~'; ++c) characters.push_back(c);
  return characters.append(kClinicalSigns);
}

std::unordered_map<std::string, std::string> trainer_settings(const UnigramTrainerOptions& options) {
  return {{"model_type", "unigram"},
          {"vocab_size", std::to_string(options.vocab_size - kPegasusIdOffset)},
          {"character_coverage", fmt::format("{}", options.character_coverage)},
          {"required_chars", required_characters()},
          {"normalization_rule_name", "nmt_nfkc"},
          {"split_digits", options.split_digits ? "true" : "false"},
          {"max_sentencepiece_length", std::to_string(options.max_piece_characters)},
          {"max_sentence_length", std::to_string(kMaxSentenceBytes)},
          {"byte_fallback", "false"},
          {"pad_id", "0"},
          {"eos_id", "1"},
          {"unk_id", "2"},
          {"bos_id", "-1"},
          {"pad_piece", "<pad>"},
          {"eos_piece", "</s>"},
          {"unk_piece", "<unk>"},
          {"user_defined_symbols", std::string(kPegasusNewline)},
          {"num_threads", std::to_string(kThreads)},
          {"minloglevel", "3"}};  // the library prints otherwise
}

/// Smallest sensible size: the special tokens and the characters that always get an entry.
Result<void> check(const UnigramTrainerOptions& options) {
  const std::size_t smallest = kPegasusIdOffset + 4 + count_code_points(required_characters()) + 1;
  if (options.vocab_size < smallest)
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("The vocabulary must have at least {} entries.", smallest), ""};
  if (!(options.character_coverage > 0 && options.character_coverage <= 1))
    return Error{ErrorCode::kInvalidArgument, "Character coverage must be above 0 and at most 1.", ""};
  if (options.max_sentences == 0 || options.max_piece_characters == 0)
    return Error{ErrorCode::kInvalidArgument, "Limits of sentences and entry lengths must be above 0.", ""};
  return {};
}

/// What SentencePiece's message means here: its "<= N" is the largest vocabulary that this text gives.
Error training_error(std::string_view message, const UnigramTrainerOptions& options, std::size_t sentences) {
  constexpr std::string_view kLimit = "<= ";
  std::string advice = "ask for a smaller one or give more text";
  if (const std::size_t at = message.rfind(kLimit); at != std::string_view::npos) {
    std::size_t limit = 0;
    const char* first = message.data() + at + kLimit.size();
    if (std::from_chars(first, message.data() + message.size(), limit).ec == std::errc())
      advice = fmt::format("ask for at most {} or give more text", limit + kPegasusIdOffset);
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("{} sentences do not give a vocabulary of {} entries; {}.", sentences,
                           options.vocab_size, advice),
               std::string(message)};
}

}  // namespace

Result<UnigramTrainingReport> train_unigram(const NextText& next_text, const UnigramTrainerOptions& options,
                                            const std::filesystem::path& folder) {
  EPICRISIS_RETURN_IF_ERROR(check(options));
  UnigramTrainingReport report;
  SentenceSample sample(options.max_sentences, options.seed);
  while (true) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::optional<std::string> text, next_text());
    if (!text) break;
    ++report.texts;
    const std::string valid = is_valid_utf8(*text) ? *text : to_valid_utf8(*text);
    for (const std::string_view sentence : split_sentences(valid)) sample.add(sentence);
  }
  report.sentences_read = sample.seen();
  report.sentences_used = sample.sentences().size();
  if (report.sentences_used == 0)
    return Error{ErrorCode::kInvalidArgument, "There is no text to train the tokenizer on.", ""};

  SampleIterator sentences(sample.sentences());
  std::string model;
  const auto status =
      sentencepiece::SentencePieceTrainer::Train(trainer_settings(options), &sentences, &model);
  if (!status.ok()) return training_error(status.message(), options, report.sentences_used);
  EPICRISIS_RETURN_IF_ERROR(write_pegasus_tokenizer(model, options.model_max_length, folder));
  report.vocab_size = options.vocab_size;
  return report;
}

}  // namespace epicrisis
