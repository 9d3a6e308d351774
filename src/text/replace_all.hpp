#pragma once

#include <string>
#include <string_view>

namespace epicrisis {

/// `text` with every `from` replaced by `to`, from left to right. Precondition: `from` is not empty.
inline std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size());
  std::size_t kept = 0;
  for (std::size_t at = 0; (at = text.find(from, kept)) != std::string_view::npos;) {
    out.append(text, kept, at - kept).append(to);
    kept = at + from.size();
  }
  return out.append(text, kept);
}

}  // namespace epicrisis
