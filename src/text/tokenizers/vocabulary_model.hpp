#pragma once

#include "text/tokenizers/stages.hpp"
#include "text/tokenizers/vocabulary.hpp"

namespace epicrisis {

/// A model whose entries are those of a Vocabulary.
class VocabularyModel : public Model {
 public:
  std::optional<TokenId> token_to_id(std::string_view token) const override {
    return vocabulary_.token_to_id(token);
  }
  std::string_view id_to_token(TokenId id) const override { return vocabulary_.id_to_token(id); }
  std::size_t vocab_size() const override { return vocabulary_.id_bound(); }

 protected:
  Vocabulary vocabulary_;
};

}  // namespace epicrisis
