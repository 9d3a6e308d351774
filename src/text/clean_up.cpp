#include "text/clean_up.hpp"

#include <array>
#include <utility>

#include "text/replace_all.hpp"

namespace epicrisis {
std::string clean_up_tokenization_spaces(std::string_view text) {
  // The order matters: each rule sees what the ones before it left.
  constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kRules = {{
      {" .", "."},
      {" ?", "?"},
      {" !", "!"},
      {" ,", ","},
      {" ' ", "'"},
      {" n't", "n't"},
      {" 'm", "'m"},
      {" 's", "'s"},
      {" 've", "'ve"},
      {" 're", "'re"},
  }};
  std::string cleaned(text);
  for (const auto& [from, to] : kRules) cleaned = replace_all(cleaned, from, to);
  return cleaned;
}

}  // namespace epicrisis
