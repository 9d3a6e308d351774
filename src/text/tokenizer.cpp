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
#include "text/tokenizers/slow_files.hpp"
#include "text/tokenizers/truncation.hpp"
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

  EncodeOptions stored_options;

  ProcessedText tokenize(std::string_view text) const;
  Encoding join(std::vector<ProcessedText> parts, const EncodeOptions& options) const;
  std::size_t room(bool pair, const EncodeOptions& options) const;
  std::string_view token_text(const PieceList& list, const Token& token) const;
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

/// What a token's text starts and ends with. U+0120 is the space of the byte alphabet.
OuterSpaces outer_spaces(std::string_view text) {
  constexpr char32_t kByteLevelSpace = 0x120;
  const auto is_space = [](char32_t c) { return c == kByteLevelSpace || is_white_space(c); };
  OuterSpaces spaces;
  for (std::size_t i = 0; i < text.size(); ++spaces.leading) {
    const CodePoint next = decode_code_point(text, i);
    if (!is_space(next.value)) break;
    i += next.size_bytes;
  }
  for (std::size_t end = text.size(); end > 0; ++spaces.trailing) {
    std::size_t last = end - 1;
    while (is_continuation(text[last])) --last;
    if (!is_space(decode_code_point(text, last).value)) break;
    end = last;
  }
  return spaces;
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
  if (post_processor && post_processor->needs_spaces()) {
    result.spaces.reserve(tokens.size() + 2);
    for (const Token& token : tokens) result.spaces.push_back(outer_spaces(token_text(list, token)));
  }
  return result;
}

/// An added token is the text that it was found as; others are entries of the vocabulary.
std::string_view Tokenizer::Impl::token_text(const PieceList& list, const Token& token) const {
  if (added_tokens.find(token.id) == nullptr) return model->id_to_token(token.id);
  return std::string_view(list.aligned.text).substr(token.begin, token.end - token.begin);
}

/// Tokens that fit beside the special ones.
std::size_t Tokenizer::Impl::room(bool pair, const EncodeOptions& options) const {
  const std::size_t limit = options.max_length.value_or(std::numeric_limits<std::size_t>::max());
  const std::size_t special =
      options.add_special_tokens && post_processor ? post_processor->added_tokens(pair) : 0;
  return limit > special ? limit - special : 0;
}

Encoding Tokenizer::Impl::join(std::vector<ProcessedText> parts, const EncodeOptions& options) const {
  if (post_processor) post_processor->process(parts, options.add_special_tokens);
  ProcessedText joined;
  for (ProcessedText& part : parts) {
    if (joined.ids.empty()) {
      joined = std::move(part);
    } else {
      joined.append(part);
    }
  }
  // A limit smaller than the special tokens alone.
  if (options.max_length) truncate(joined, *options.max_length, Side::kRight);
  Encoding encoding{std::move(joined.ids), std::move(joined.offsets)};
  if (options.padding) pad(encoding, *options.padding);
  return encoding;
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "tokenizer.json";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored) && has_slow_files(folder)) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::string text, convert_slow_files(folder));
    return parse(text);
  }
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
  EPICRISIS_ASSIGN_OR_RETURN(impl->stored_options, read_stored_options(file));
  if (const auto list = file.find("added_tokens"); list != file.end() && !list->is_null()) {
    EPICRISIS_ASSIGN_OR_RETURN(impl->added_tokens,
                               AddedTokens::read(*list, *impl->model, impl->normalizer.get()));
  }
  return Tokenizer(std::unique_ptr<const Impl>(std::move(impl)));
}

Encoding Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  std::vector<ProcessedText> parts(1);
  parts[0] = impl_->tokenize(text);
  truncate(parts[0], impl_->room(false, options), options.truncation_side);
  return impl_->join(std::move(parts), options);
}

Result<Encoding> Tokenizer::encode_pair(std::string_view first, std::string_view second,
                                        const EncodeOptions& options) const {
  std::vector<ProcessedText> parts(2);
  parts[0] = impl_->tokenize(first);
  parts[1] = impl_->tokenize(second);
  EPICRISIS_RETURN_IF_ERROR(truncate_pair(parts[0], parts[1], impl_->room(true, options), options));
  return impl_->join(std::move(parts), options);
}

const EncodeOptions& Tokenizer::stored_options() const noexcept { return impl_->stored_options; }

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
