#include "summarize/note_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

/// First byte of the first ill-formed part. Precondition: there is one.
std::size_t first_invalid_byte(std::string_view note) {
  const std::string valid = to_valid_utf8(note);
  auto offset = static_cast<std::size_t>(
      std::mismatch(note.begin(), note.end(), valid.begin(), valid.end()).first - note.begin());
  // The ill-formed part may begin like the character that replaced it.
  while (!is_valid_utf8(note.substr(0, offset))) --offset;
  return offset;
}

bool looks_like_utf16(std::string_view note) {
  if (note.starts_with("\xFF\xFE") || note.starts_with("\xFE\xFF")) return true;
  return static_cast<std::size_t>(std::count(note.begin(), note.end(), '\0')) * 4 > note.size();
}

/// Whether every byte is a letter, sign or white space of Windows-1252, the encoding that office software of
/// the West writes by default.
bool looks_like_windows_1252(std::string_view note) {
  return std::all_of(note.begin(), note.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) return byte >= '\t' && byte <= '\r';
    constexpr std::string_view kUnassigned = "\x7F\x81\x8D\x8F\x90\x9D";
    return kUnassigned.find(c) == std::string_view::npos;
  });
}

std::string convert_from(std::string_view encoding) {
  return fmt::format("it looks like {0}: convert it with 'iconv -f {0} -t UTF-8'.", encoding);
}

bool is_blank(std::string_view note) {
  for (std::size_t position = 0; position < note.size();) {
    const CodePoint next = decode_code_point(note, position);
    constexpr char32_t kByteOrderMark = 0xFEFF;
    if (next.value != kByteOrderMark && !is_white_space(next.value)) return false;
    position += next.size_bytes;
  }
  return true;
}

}  // namespace

std::optional<std::string> note_problem(std::string_view note) {
  if (note.size() > kMaxNoteBytes) {
    return fmt::format("is {} bytes long, and no single note is longer than {}: split it into its notes.",
                       note.size(), kMaxNoteBytes);
  }
  if (!is_valid_utf8(note)) {
    const std::string_view encoding = looks_like_utf16(note)          ? "UTF-16"
                                      : looks_like_windows_1252(note) ? "WINDOWS-1252"
                                                                      : "";
    return fmt::format("is not valid UTF-8 (byte {}); {}", first_invalid_byte(note),
                       encoding.empty() ? "convert it to UTF-8." : convert_from(encoding));
  }
  if (note.empty()) return "is empty.";
  if (is_blank(note)) return "holds nothing but white space.";
  return std::nullopt;
}

}  // namespace epicrisis
