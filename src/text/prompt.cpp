#include "text/prompt.hpp"

namespace epicrisis {

std::string Prompt::around(std::string_view note) const {
  std::string text;
  text.reserve(before.size() + note.size() + after.size());
  return text.append(before).append(note).append(after);
}

Result<Prompt> parse_prompt(std::string_view text) {
  constexpr std::string_view kNote = "{note}";
  const std::size_t place = text.find(kNote);
  if (place == std::string_view::npos || text.find(kNote, place + 1) != std::string_view::npos) {
    return Error{ErrorCode::kInvalidArgument, "A prompt must hold '{note}' once: the note goes there.", ""};
  }
  return Prompt{std::string(text.substr(0, place)), std::string(text.substr(place + kNote.size()))};
}

}  // namespace epicrisis
