#include "text/clean_up.hpp"

#include <array>
#include <utility>

namespace epicrisis {
namespace {

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size());
  std::size_t kept = 0;
  for (std::size_t at = 0; (at = text.find(from, kept)) != std::string_view::npos;) {
    out.append(text, kept, at - kept).append(to);
    kept = at + from.size();
  }
  return out.append(text, kept);
}

}  // namespace

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
