#pragma once

#include <string>
#include <string_view>

namespace epicrisis::report {

/// UTF-8 text as content or quoted attribute value of HTML: & < > " ' become entities, and control characters
/// but tab and line ends the replacement character.
std::string escaped(std::string_view text);

/// A text of several lines in a block of its own: line ends are kept, and what is written from right to left
/// in it stays in it.
std::string text_block(std::string_view text);

/// The same for a long text: it scrolls by itself, also with the keyboard. `label` names it for who does not
/// see it.
std::string scrolling_text_block(std::string_view text, std::string_view label);

}  // namespace epicrisis::report
