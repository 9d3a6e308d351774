#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "text/tokenizer.hpp"
#include "text/tokenizers/byte_level_conversion.hpp"
#include "text/tokenizers/sentencepiece_conversion.hpp"

// The first byte picks the tokenizer class; the rest is a SentencePiece model, or a vocab.json up to the
// first NUL and a merges.txt after it. Whatever they are, the conversion ends in a tokenizer.json that can be
// read, or in an error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::array<const char*, 6> kClasses = {"PegasusTokenizer", "T5Tokenizer",   "MBartTokenizer",
                                                   "MBart50Tokenizer", "GPT2Tokenizer", "BartTokenizer"};
  if (size == 0) return 0;
  epicrisis::SlowTokenizerSettings settings;
  settings.config = epicrisis::Json::object();
  settings.tokenizer_class = kClasses[data[0] % kClasses.size()];
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t end = std::min(input.find('\0'), input.size());
  const auto file = epicrisis::is_sentencepiece_class(settings.tokenizer_class)
                        ? epicrisis::convert_sentencepiece(input, settings)
                        : epicrisis::convert_byte_level(
                              input.substr(0, end), input.substr(std::min(end + 1, input.size())), settings);
  if (!file) return 0;
  const auto tokenizer = epicrisis::Tokenizer::parse(*file);
  if (tokenizer) (void)tokenizer->decode(tokenizer->encode("Temp 38 \u00B0C, <mask> tab.</s>").ids);
  return 0;
}
