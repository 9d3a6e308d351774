#include "text/tokenizers/pre_tokenizers.hpp"

#include <utility>
#include <vector>

#include "text/tokenizers/component.hpp"
#include "text/tokenizers/metaspace.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

class SequencePreTokenizer final : public PreTokenizer {
 public:
  explicit SequencePreTokenizer(std::vector<std::unique_ptr<PreTokenizer>> parts)
      : parts_(std::move(parts)) {}
  void pre_tokenize(PieceList& list) const override {
    for (const auto& part : parts_) part->pre_tokenize(list);
  }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> parts_;
};

/// Words between white space.
class WhitespaceSplit final : public PreTokenizer {
 public:
  void pre_tokenize(PieceList& list) const override {
    std::vector<Piece> words;
    words.reserve(list.aligned.text.size() / 5);  // English words with their space
    for (const Piece& piece : list.pieces) {
      if (piece.added_token) {
        words.push_back(piece);
      } else {
        split(list.aligned.text, piece, words);
      }
    }
    list.pieces = std::move(words);
  }

 private:
  static void split(std::string_view text, const Piece& piece, std::vector<Piece>& words) {
    std::uint32_t begin = piece.begin;
    std::uint32_t position = piece.begin;
    while (position < piece.end) {
      const CodePoint next = decode_code_point(text, position);
      if (is_white_space(next.value)) {
        if (position > begin) words.push_back({begin, position, std::nullopt});
        begin = position + next.size_bytes;
      }
      position += next.size_bytes;
    }
    if (position > begin) words.push_back({begin, position, std::nullopt});
  }
};

Result<std::unique_ptr<PreTokenizer>> read_sequence(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json* list, detail::list_member(component, "pretokenizers", where));
  std::vector<std::unique_ptr<PreTokenizer>> parts;
  for (std::size_t i = 0; i < list->size(); ++i) {
    EPICRISIS_ASSIGN_OR_RETURN(auto part,
                               read_pre_tokenizer((*list)[i], fmt::format("{}.pretokenizers[{}]", where, i)));
    parts.push_back(std::move(part));
  }
  return std::make_unique<SequencePreTokenizer>(std::move(parts));
}

}  // namespace

Result<std::unique_ptr<PreTokenizer>> read_pre_tokenizer(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string type, detail::component_type(component, where));
  if (type == "Sequence") return read_sequence(component, where);
  if (type == "WhitespaceSplit") return std::make_unique<WhitespaceSplit>();
  if (type == "Metaspace") {
    EPICRISIS_ASSIGN_OR_RETURN(MetaspaceOptions options, MetaspaceOptions::read(component, where));
    return std::make_unique<MetaspacePreTokenizer>(std::move(options));
  }
  return detail::unsupported_component(where, fmt::format("the pre-tokenizer '{}'", type));
}

}  // namespace epicrisis
