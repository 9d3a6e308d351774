#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace epicrisis {

/// Why `note` cannot be summarised, as what follows its name in an error ("is empty."), or nothing when it
/// can: a note is UTF-8 and holds more than white space. Says what to convert from where that shows. Never
/// quotes the note.
std::optional<std::string> note_problem(std::string_view note);

}  // namespace epicrisis
