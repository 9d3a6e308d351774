#include "text/tokenizers/precompiled_charsmap.hpp"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstring>

#include "text/tokenizers/aligned_rewriter.hpp"
#include "text/tokenizers/component.hpp"
#include "text/unicode/base64.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

/// Longest cluster that is looked up whole.
constexpr std::size_t kMaxWholeCluster = 5;

// Fields of a Darts-clone unit (darts.h, class DoubleArrayUnit).
bool has_leaf(std::uint32_t unit) { return ((unit >> 8) & 1) != 0; }
std::uint32_t leaf_value(std::uint32_t unit) { return unit & 0x7FFFFFFFU; }
std::uint32_t label(std::uint32_t unit) { return unit & 0x800000FFU; }
std::uint32_t child_offset(std::uint32_t unit) { return (unit >> 10) << ((unit & (1U << 9)) >> 6); }

/// End of the extended grapheme cluster that starts at `begin`.
std::size_t cluster_end(std::string_view text, std::size_t begin) {
  CodePoint last = decode_code_point(text, begin);
  std::size_t end = begin + last.size_bytes;
  utf8proc_int32_t state = 0;
  while (end < text.size()) {
    const CodePoint next = decode_code_point(text, end);
    if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(last.value),
                                         static_cast<utf8proc_int32_t>(next.value), &state) != 0)
      break;
    last = next;
    end += next.size_bytes;
  }
  return end;
}

}  // namespace

Result<PrecompiledCharsmap> PrecompiledCharsmap::parse_base64(std::string_view base64,
                                                              std::string_view where) {
  const std::optional<std::string> bytes = decode_base64(base64);
  if (!bytes) return detail::damaged_tokenizer(where, "precompiled_charsmap is not base64");
  return parse(*bytes, where);
}

Result<PrecompiledCharsmap> PrecompiledCharsmap::parse(std::string_view bytes, std::string_view where) {
  const auto read_unit = [&](std::size_t at) {
    std::uint32_t unit = 0;
    for (int i = 3; i >= 0; --i)
      unit = (unit << 8) | static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)]);
    return unit;
  };
  if (bytes.size() < 4)
    return detail::damaged_tokenizer(where, "precompiled_charsmap is shorter than 4 bytes");
  const std::size_t array_bytes = read_unit(0);
  if (array_bytes % 4 != 0 || array_bytes == 0 || array_bytes > bytes.size() - 4)
    return detail::damaged_tokenizer(
        where,
        fmt::format("precompiled_charsmap of {} bytes claims a trie of {}", bytes.size(), array_bytes));
  std::vector<std::uint32_t> units(array_bytes / 4);
  for (std::size_t i = 0; i < units.size(); ++i) units[i] = read_unit(4 + 4 * i);
  std::string replacements(bytes.substr(4 + array_bytes));
  if (!is_valid_utf8(replacements))
    return detail::damaged_tokenizer(where, "precompiled_charsmap has replacements that are not UTF-8");
  return PrecompiledCharsmap(std::move(units), std::move(replacements));
}

PrecompiledCharsmap::PrecompiledCharsmap(std::vector<std::uint32_t> units, std::string replacements)
    : units_(std::move(units)), replacements_(std::move(replacements)) {
  for (int byte = 0; byte < 0x80; ++byte) {
    const char character = static_cast<char>(byte);
    plain_[static_cast<std::size_t>(byte)] = !find(std::string_view(&character, 1));
  }
  plain_['\r'] = false;  // "\r\n" is one cluster
}

std::optional<std::string_view> PrecompiledCharsmap::find(std::string_view text) const {
  std::size_t node = child_offset(units_[0]);
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte == 0) return std::nullopt;
    node ^= byte;
    if (node >= units_.size()) return std::nullopt;
    const std::uint32_t unit = units_[node];
    if (label(unit) != byte) return std::nullopt;
    node ^= child_offset(unit);
    if (!has_leaf(unit)) continue;
    if (node >= units_.size()) return std::nullopt;
    const std::size_t begin = leaf_value(units_[node]);
    if (begin >= replacements_.size() || is_continuation(replacements_[begin])) return std::nullopt;
    return std::string_view(replacements_.data() +
                            begin);  // std::string ends in NUL even if the blob does not
  }
  return std::nullopt;
}

/// End of the run of bytes from `begin` that stay as they are: each is plain and begins no longer cluster.
std::size_t PrecompiledCharsmap::plain_run_end(std::string_view text, std::size_t begin) const {
  std::size_t end = begin;
  while (end < text.size() && plain_[static_cast<unsigned char>(text[end])]) ++end;
  const bool joined = end < text.size() && static_cast<unsigned char>(text[end]) >= 0x80;
  return joined && end > begin ? end - 1 : end;  // a combining mark may follow the last one
}

void PrecompiledCharsmap::normalize(AlignedText& aligned) const {
  const std::string_view text = aligned.text;
  std::size_t position = plain_run_end(text, 0);
  if (position == text.size()) return;
  AlignedRewriter rewriter(aligned);
  rewriter.keep(0, position);
  while (position < text.size()) {
    const std::size_t end = cluster_end(text, position);
    const std::string_view cluster = text.substr(position, end - position);
    const auto whole = cluster.size() <= kMaxWholeCluster ? find(cluster) : std::nullopt;
    if (whole) {
      rewriter.replace(cluster, *whole);
    } else {
      for (std::size_t i = position; i < end;) {
        const std::string_view character = text.substr(i, sequence_length(text[i]));
        if (const auto replacement = find(character)) {
          rewriter.replace(character, *replacement);
        } else {
          rewriter.keep(i, i + character.size());
        }
        i += character.size();
      }
    }
    position = plain_run_end(text, end);
    rewriter.keep(end, position);
  }
  aligned = std::move(rewriter).finish();
}

}  // namespace epicrisis
