#include "hub/model_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/json.hpp"
#include "checkpoint/checkpoint.hpp"
#include "hub/detail/text.hpp"
#include "hub/package_card.hpp"
#include "text/tokenizer.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxConfigBytes = 16ULL << 20;

/// What a tokenizer is tried with. Invented, ASCII: what lies beyond may be lost by design.
constexpr std::array<std::string_view, 3> kSamples = {
    "The patient was seen in the clinic today with a cough and a low grade fever.",
    "BP 148/92, HR 98, temp 38.5, given 500 mg twice daily (since 12 March).", "No known drug allergies."};

Error broken_tokenizer(std::string what) {
  return {ErrorCode::kCorrupt,
          "The tokenizer (tokenizer.json, or what stands in for it) is damaged or belongs to another model.",
          std::move(what)};
}

Result<void> try_sample(const Tokenizer& tokenizer, std::string_view sample, int vocab_size,
                        std::size_t number) {
  const Encoding encoding = tokenizer.encode(sample);
  if (encoding.ids.empty()) return broken_tokenizer(fmt::format("self-test {} gives no tokens", number));
  for (const TokenId id : encoding.ids) {
    if (id < 0 || id >= vocab_size) {
      return broken_tokenizer(fmt::format("self-test {} gives id {}, and config.json's 'vocab_size' is {}",
                                          number, id, vocab_size));
    }
  }
  // Normalization may change a text once; it must not go on changing it.
  const std::string once = tokenizer.decode(encoding.ids);
  const std::string twice = tokenizer.decode(tokenizer.encode(once).ids);
  if (once.empty()) return broken_tokenizer(fmt::format("self-test {} decodes to nothing", number));
  if (once != twice)
    return broken_tokenizer(fmt::format("self-test {} decodes to a text that does not round-trip", number));
  return {};
}

/// Entries of the vocabulary that the model has no embedding for.
Result<CheckNotes> check_entries_past(const Tokenizer& tokenizer, int vocab_size) {
  constexpr std::size_t kMaxEntries = 1 << 24;  // as many as config.json may ask for; ids come from a file
  if (tokenizer.vocab_size() > kMaxEntries)
    return broken_tokenizer(fmt::format("an entry has the id {}", tokenizer.vocab_size() - 1));
  std::size_t special = 0;
  std::string example;
  for (auto id = static_cast<std::size_t>(vocab_size); id < tokenizer.vocab_size(); ++id) {
    const std::vector<TokenId> alone = {static_cast<TokenId>(id)};
    const std::string token = tokenizer.id_to_token(alone.front());
    if (token.empty()) continue;
    const bool is_special = tokenizer.decode(alone, true).empty() && !tokenizer.decode(alone, false).empty();
    if (!is_special) {
      return broken_tokenizer(fmt::format("it has {} entries, and config.json's 'vocab_size' is {}",
                                          tokenizer.vocab_size(), vocab_size));
    }
    if (special++ == 0) example = fmt::format("{} (id {})", detail::in_quotes(token), id);
  }
  if (special == 0) return CheckNotes();
  return CheckNotes{fmt::format(
      "The model cannot read {} special token(s) of its tokenizer, which have no embedding: {}{}.", special,
      example, special > 1 ? " and others" : "")};
}

/// A note when config.json's `torch_dtype` and the weights disagree; the weights count.
CheckNotes check_dtype(const Json& config, DType dtype) {
  const auto declared = config.find("torch_dtype");
  if (declared == config.end() || !declared->is_string()) return {};
  const std::string_view expected = dtype == DType::kFloat32    ? "float32"
                                    : dtype == DType::kFloat16  ? "float16"
                                    : dtype == DType::kBFloat16 ? "bfloat16"
                                                                : "";
  if (expected.empty() || *declared == expected) return {};
  return {fmt::format("config.json's 'torch_dtype' is {}, but the weights are {}.",
                      detail::in_quotes(declared->get_ref<const std::string&>()), expected)};
}

}  // namespace

Result<Architecture> check_config(const fs::path& folder) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json config, read_json_file(folder / "config.json", kMaxConfigBytes));
  return read_architecture(config);
}

Result<CheckNotes> check_tokenizer(const fs::path& folder, const Architecture& architecture) {
  EPICRISIS_ASSIGN_OR_RETURN(const Tokenizer tokenizer, Tokenizer::load(folder));
  for (std::size_t i = 0; i < kSamples.size(); ++i)
    EPICRISIS_RETURN_IF_ERROR(try_sample(tokenizer, kSamples[i], architecture.vocab_size, i + 1));
  return check_entries_past(tokenizer, architecture.vocab_size);
}

Result<CheckedModel> check_model(const fs::path& folder) {
  EPICRISIS_ASSIGN_OR_RETURN(const Architecture architecture, check_config(folder));
  CheckedModel checked;
  EPICRISIS_ASSIGN_OR_RETURN(checked.notes, check_tokenizer(folder, architecture));
  EPICRISIS_ASSIGN_OR_RETURN(const Checkpoint checkpoint, load_checkpoint(folder));
  const DType dtype = weight_dtype(checkpoint.weights);
  checked.facts = {checkpoint.architecture.family, count_parameters(checkpoint),
                   std::string(to_string(dtype))};
  for (std::string& note : check_dtype(checkpoint.config, dtype)) checked.notes.push_back(std::move(note));
  return checked;
}

}  // namespace epicrisis
