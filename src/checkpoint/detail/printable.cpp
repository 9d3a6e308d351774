#include "checkpoint/detail/printable.hpp"

#include <fmt/format.h>

namespace epicrisis::detail {

std::string printable(std::string_view name) {
  constexpr std::size_t kMaxShown = 120;
  std::string shown;
  for (const char c : name.substr(0, kMaxShown)) {
    if (c >= ' ' && c <= '~') {
      shown += c;
    } else {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (name.size() > kMaxShown) shown += "...";
  return shown;
}

}  // namespace epicrisis::detail
