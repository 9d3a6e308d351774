#include "report/html.hpp"

namespace epicrisis::report {
namespace {

bool is_forbidden(unsigned char c) { return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F; }

}  // namespace

std::string escaped(std::string_view text) {
  std::string html;
  html.reserve(text.size() + text.size() / 16);
  for (const char c : text) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        if (is_forbidden(static_cast<unsigned char>(c)))
          html += "\uFFFD";
        else
          html += c;
    }
  }
  return html;
}

std::string text_block(std::string_view text) {
  if (text.empty()) return R"(<p class="nothing">(no text)</p>)";
  return R"(<div class="text" dir="auto">)" + escaped(text) + "</div>";
}

std::string scrolling_text_block(std::string_view text, std::string_view label) {
  return R"(<div class="text scrolling" dir="auto" role="region" tabindex="0" aria-label=")" +
         escaped(label) + "\">" + escaped(text) + "</div>";
}

}  // namespace epicrisis::report
