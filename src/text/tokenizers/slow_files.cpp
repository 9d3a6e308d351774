#include "text/tokenizers/slow_files.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "base/files.hpp"
#include "base/folders.hpp"
#include "text/tokenizers/byte_level_conversion.hpp"
#include "text/tokenizers/sentencepiece_conversion.hpp"
#include "text/tokenizers/special_tokens.hpp"

namespace epicrisis {
namespace {
namespace fs = std::filesystem;

/// Larger than any published one by an order of magnitude.
constexpr std::uint64_t kMaxFileBytes = 256ULL << 20;

constexpr const char* kSentencePieceFiles[] = {"spiece.model", "sentencepiece.bpe.model"};

Error unsupported_class(std::string_view name) {
  return Error{
      ErrorCode::kUnsupported,
      fmt::format("The folder has no tokenizer.json, and this build cannot make one for the class '{}'; "
                  "save one with the model.",
                  name),
      "tokenizer_config.json: tokenizer_class"};
}

}  // namespace

bool has_slow_files(const fs::path& folder) {
  for (const char* file : kSentencePieceFiles)
    if (is_there(folder / file)) return true;
  return is_there(folder / "vocab.json") && is_there(folder / "merges.txt");
}

Result<std::string> convert_slow_files(const fs::path& folder) {
  EPICRISIS_ASSIGN_OR_RETURN(const SlowTokenizerSettings settings, SlowTokenizerSettings::read(folder));
  const std::string& name = settings.tokenizer_class;
  for (const char* file : kSentencePieceFiles) {
    if (!is_there(folder / file)) continue;
    if (!is_sentencepiece_class(name)) return unsupported_class(name);
    EPICRISIS_ASSIGN_OR_RETURN(const std::string bytes, read_file(folder / file, kMaxFileBytes));
    return convert_sentencepiece(bytes, settings);
  }
  if (!is_byte_level_class(name)) return unsupported_class(name);
  EPICRISIS_ASSIGN_OR_RETURN(const std::string vocab, read_file(folder / "vocab.json", kMaxFileBytes));
  EPICRISIS_ASSIGN_OR_RETURN(const std::string merges, read_file(folder / "merges.txt", kMaxFileBytes));
  return convert_byte_level(vocab, merges, settings);
}

}  // namespace epicrisis
