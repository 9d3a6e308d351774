#include "text/tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/files.hpp"
#include "base/json.hpp"
#include "text/tokenizers/added_tokens.hpp"
#include "text/tokenizers/component.hpp"
#include "text/tokenizers/decoders.hpp"
#include "text/tokenizers/models.hpp"
#include "text/tokenizers/normalizers.hpp"
#include "text/tokenizers/post_processors.hpp"
#include "text/tokenizers/pre_tokenizers.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {

/// The stages; null where tokenizer.json has null.
struct Tokenizer::Impl {
  std::unique_ptr<Normalizer> normalizer;
  std::unique_ptr<PreTokenizer> pre_tokenizer;
  std::unique_ptr<Model> model;
  std::unique_ptr<PostProcessor> post_processor;
  std::unique_ptr<Decoder> decoder;
  AddedTokens added_tokens;

  ProcessedText tokenize(std::string_view text) const;
  Encoding encode(std::string_view first, const std::string_view* second, const EncodeOptions& options) const;
};

namespace {

/// Larger than any published tokenizer.json by an order of magnitude.
constexpr std::uint64_t kMaxFileBytes = 256ULL << 20;

/// Reads the component under `key` with `read`; null when the file has none.
template <class Stage, class Read>
Result<std::unique_ptr<Stage>> read_stage(const Json& file, std::string_view key, Read read) {
  const auto component = file.find(key);
  if (component == file.end() || component->is_null()) return std::unique_ptr<Stage>();
  return read(*component, key);
}

void cut(ProcessedText& text, std::size_t length) {
  if (text.ids.size() <= length) return;
  text.ids.resize(length);
  text.offsets.resize(length);
  if (!text.type_ids.empty()) text.type_ids.resize(length);
}

/// Takes tokens off the longer text until both fit `room`; then off both alike, the second keeping less by
/// one.
void cut_longest_first(ProcessedText& first, ProcessedText& second, std::size_t room) {
  const std::size_t shorter = std::min(first.ids.size(), second.ids.size());
  if (first.ids.size() + second.ids.size() <= room) return;
  const std::size_t half = room / 2;
  if (shorter > half) {
    // Both are longer than half: an odd id goes to the longer one, to the second when both are equally long.
    const bool first_is_shorter = first.ids.size() <= second.ids.size();
    cut(first, first_is_shorter ? half : room - half);
    cut(second, first_is_shorter ? room - half : half);
  } else if (first.ids.size() > second.ids.size()) {
    cut(first, room - shorter);
  } else {
    cut(second, room - shorter);
  }
}

}  // namespace

ProcessedText Tokenizer::Impl::tokenize(std::string_view text) const {
  std::string repaired;
  if (!is_valid_utf8(text)) {
    repaired = to_valid_utf8(text);
    text = repaired;
  }
  PieceList list = added_tokens.split(text, normalizer.get());
  if (pre_tokenizer) pre_tokenizer->pre_tokenize(list);
  std::vector<Token> tokens;
  tokens.reserve(list.pieces.size() * 2);
  model->tokenize(list, tokens);
  ProcessedText result;
  result.ids.reserve(tokens.size() + 2);
  result.offsets.reserve(tokens.size() + 2);
  for (const Token& token : tokens) {
    result.ids.push_back(token.id);
    result.offsets.push_back(
        {list.aligned.alignment[token.begin].begin, list.aligned.alignment[token.end - 1].end});
  }
  return result;
}

Encoding Tokenizer::Impl::encode(std::string_view first_text, const std::string_view* second_text,
                                 const EncodeOptions& options) const {
  const bool pair = second_text != nullptr;
  ProcessedText first = tokenize(first_text);
  ProcessedText second;
  if (pair) second = tokenize(*second_text);
  const bool post_process = options.add_special_tokens && post_processor != nullptr;
  const std::size_t limit = options.max_length.value_or(std::numeric_limits<std::size_t>::max());
  const std::size_t added = post_process ? post_processor->added_tokens(pair) : 0;
  const std::size_t room = limit > added ? limit - added : 0;
  if (pair) {
    cut_longest_first(first, second, room);
  } else {
    cut(first, room);
  }
  ProcessedText joined;
  if (post_process) {
    joined = post_processor->process(std::move(first), pair ? &second : nullptr);
  } else {
    joined = std::move(first);
    joined.ids.insert(joined.ids.end(), second.ids.begin(), second.ids.end());
    joined.offsets.insert(joined.offsets.end(), second.offsets.begin(), second.offsets.end());
  }
  cut(joined, limit);  // a limit smaller than the special tokens alone
  return {std::move(joined.ids), std::move(joined.offsets)};
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "tokenizer.json";
  EPICRISIS_ASSIGN_OR_RETURN(const std::string text, read_file(path, kMaxFileBytes));
  return parse(text);
}

Result<Tokenizer> Tokenizer::parse(std::string_view text) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json file, parse_json(text, "tokenizer.json"));
  if (!file.is_object()) return detail::damaged_tokenizer("top level", "expected an object");
  auto impl = std::make_unique<Impl>();
  EPICRISIS_ASSIGN_OR_RETURN(impl->normalizer, read_stage<Normalizer>(file, "normalizer", read_normalizer));
  EPICRISIS_ASSIGN_OR_RETURN(impl->pre_tokenizer,
                             read_stage<PreTokenizer>(file, "pre_tokenizer", read_pre_tokenizer));
  EPICRISIS_ASSIGN_OR_RETURN(impl->model, read_stage<Model>(file, "model", read_model));
  if (!impl->model) return detail::damaged_tokenizer("top level", "expected a member 'model'");
  EPICRISIS_ASSIGN_OR_RETURN(impl->post_processor,
                             read_stage<PostProcessor>(file, "post_processor", read_post_processor));
  EPICRISIS_ASSIGN_OR_RETURN(impl->decoder, read_stage<Decoder>(file, "decoder", read_decoder));
  if (const auto list = file.find("added_tokens"); list != file.end() && !list->is_null()) {
    EPICRISIS_ASSIGN_OR_RETURN(impl->added_tokens,
                               AddedTokens::read(*list, *impl->model, impl->normalizer.get()));
  }
  return Tokenizer(std::unique_ptr<const Impl>(std::move(impl)));
}

Encoding Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  return impl_->encode(text, nullptr, options);
}

Encoding Tokenizer::encode_pair(std::string_view first, std::string_view second,
                                const EncodeOptions& options) const {
  return impl_->encode(first, &second, options);
}

std::string Tokenizer::decode(const std::vector<TokenId>& ids, bool skip_special_tokens) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const TokenId id : ids) {
    const AddedToken* added = impl_->added_tokens.find(id);
    if (added != nullptr && added->special && skip_special_tokens) continue;
    const std::string_view token = added != nullptr ? added->content : impl_->model->id_to_token(id);
    if (!token.empty()) tokens.emplace_back(token);
  }
  std::string text;
  if (impl_->decoder) {
    impl_->decoder->decode(tokens);
    for (const std::string& token : tokens) text += token;
  } else {
    for (const std::string& token : tokens) text.append(text.empty() ? "" : " ").append(token);
  }
  return text;
}

std::size_t Tokenizer::vocab_size() const noexcept {
  return std::max(impl_->model->vocab_size(), static_cast<std::size_t>(impl_->added_tokens.largest_id() + 1));
}

std::optional<TokenId> Tokenizer::token_to_id(std::string_view token) const {
  if (const AddedToken* added = impl_->added_tokens.find(token)) return added->id;
  return impl_->model->token_to_id(token);
}

std::string Tokenizer::id_to_token(TokenId id) const {
  if (const AddedToken* added = impl_->added_tokens.find(id)) return added->content;
  return std::string(impl_->model->id_to_token(id));
}

}  // namespace epicrisis
