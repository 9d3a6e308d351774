#include "summarize/detail/output_text.hpp"

#include <algorithm>

#include "text/clean_up.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis::detail {
namespace {

std::string trimmed(const std::string& text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string without_first(std::string text, std::size_t code_points) {
  std::size_t position = 0;
  for (; code_points > 0 && position < text.size(); --code_points) {
    position += decode_code_point_lossy(text, position).size_bytes;
  }
  return text.erase(0, position);
}

}  // namespace

std::string output_text(const Tokenizer& tokenizer, const std::vector<TokenId>& ids,
                        std::size_t prompt_tokens, const std::string& note, const TextOutput& output) {
  const auto decode = [&](const std::vector<TokenId>& tokens) {
    std::string text = tokenizer.decode(tokens);
    return output.clean_up ? clean_up_tokenization_spaces(text) : text;
  };
  if (prompt_tokens == 0) return decode(ids);
  const std::vector<TokenId> prompt(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(prompt_tokens));
  std::string continuation = without_first(decode(ids), count_code_points(to_valid_utf8(decode(prompt))));
  if (output.full_text) return note + continuation;
  return output.trim ? trimmed(continuation) : continuation;
}

}  // namespace epicrisis::detail
