#include "text/tokenizers/cleaning_decoders.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "text/clean_up.hpp"
#include "text/replace_all.hpp"
#include "text/tokenizers/component.hpp"

namespace epicrisis {
namespace {

/// As the decoders of the reference library clean up: one rule more than transformers' own.
std::string cleaned_token(std::string_view token) {
  return replace_all(clean_up_tokenization_spaces(token), " do not", " don't");
}

class WordPieceDecoder final : public Decoder {
 public:
  WordPieceDecoder(std::string prefix, bool cleanup) : prefix_(std::move(prefix)), cleanup_(cleanup) {}
  void decode(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      std::string& token = tokens[i];
      if (i > 0) token = token.starts_with(prefix_) ? token.substr(prefix_.size()) : " " + token;
      if (cleanup_) token = cleaned_token(token);
    }
  }

 private:
  std::string prefix_;
  bool cleanup_;
};

class CtcDecoder final : public Decoder {
 public:
  CtcDecoder(std::string pad_token, std::string word_delimiter, bool cleanup)
      : pad_token_(std::move(pad_token)), word_delimiter_(std::move(word_delimiter)), cleanup_(cleanup) {}
  void decode(std::vector<std::string>& tokens) const override {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) {
      token = replace_all(token, pad_token_, "");
      if (cleanup_) token = replace_all(cleaned_token(token), word_delimiter_, " ");
    }
    std::erase_if(tokens, [](const std::string& token) { return token.empty(); });
  }

 private:
  std::string pad_token_;
  std::string word_delimiter_;
  bool cleanup_;
};

}  // namespace

Result<std::unique_ptr<Decoder>> read_word_piece_decoder(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(std::string prefix, detail::text_member(component, "prefix", where));
  EPICRISIS_ASSIGN_OR_RETURN(const bool cleanup, detail::flag_member(component, "cleanup", true, where));
  return std::make_unique<WordPieceDecoder>(std::move(prefix), cleanup);
}

Result<std::unique_ptr<Decoder>> read_ctc_decoder(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(std::string pad, detail::text_member(component, "pad_token", where));
  EPICRISIS_ASSIGN_OR_RETURN(std::string delimiter,
                             detail::text_member(component, "word_delimiter_token", where));
  EPICRISIS_ASSIGN_OR_RETURN(const bool cleanup, detail::flag_member(component, "cleanup", true, where));
  if (pad.empty() || delimiter.empty())
    return detail::damaged_tokenizer(where, "'pad_token' and 'word_delimiter_token' must not be empty");
  return std::make_unique<CtcDecoder>(std::move(pad), std::move(delimiter), cleanup);
}

}  // namespace epicrisis
