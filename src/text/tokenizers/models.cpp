#include "text/tokenizers/models.hpp"

#include <utility>

#include "text/tokenizers/bpe.hpp"
#include "text/tokenizers/component.hpp"
#include "text/tokenizers/unigram.hpp"
#include "text/tokenizers/word_piece.hpp"

namespace epicrisis {
namespace {

template <class Kind>
Result<std::unique_ptr<Model>> read_as(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(Kind model, Kind::read(component, where));
  return std::make_unique<Kind>(std::move(model));
}

/// The type of a model; files of the first releases leave it to be seen from the other members.
Result<std::string> model_type(const Json& component, std::string_view where) {
  if (!component.is_object() || component.contains("type")) return detail::component_type(component, where);
  if (component.contains("merges")) return std::string("BPE");
  if (component.contains("max_input_chars_per_word")) return std::string("WordPiece");
  const auto vocab = component.find("vocab");
  if (vocab == component.end()) return detail::damaged_tokenizer(where, "expected a member 'vocab'");
  return std::string(vocab->is_array() ? "Unigram" : "WordLevel");
}

}  // namespace

Result<std::unique_ptr<Model>> read_model(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string type, model_type(component, where));
  if (type == "Unigram") return read_as<UnigramModel>(component, where);
  if (type == "BPE") return read_as<BpeModel>(component, where);
  if (type == "WordPiece") return read_as<WordPieceModel>(component, where);
  if (type == "WordLevel") return read_as<WordLevelModel>(component, where);
  return detail::unsupported_component(where, fmt::format("the model '{}'", type));
}

}  // namespace epicrisis
