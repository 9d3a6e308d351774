#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace epicrisis {

/// Longest note that is taken, some 80,000 words: a file far longer than any note holds many, and what a
/// model would read of it is a sliver that nobody should take for the whole.
inline constexpr std::size_t kMaxNoteBytes = 512 * 1024;

/// Why `note` cannot be summarised, as what follows its name in an error ("is empty."), or nothing when it
/// can: a note is UTF-8, at most kMaxNoteBytes long and holds more than white space. Says what to convert
/// from where that shows. Never quotes the note.
std::optional<std::string> note_problem(std::string_view note);

}  // namespace epicrisis
