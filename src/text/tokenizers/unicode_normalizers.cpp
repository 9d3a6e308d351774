#include "text/tokenizers/unicode_normalizers.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "text/tokenizers/aligned_rewriter.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

/// A character of the new text and how it came about: AlignedRewriter::write's `change`.
struct Changed {
  char32_t character = 0;
  std::int64_t change = 0;
};

template <class Visit>
void for_each_code_point(std::string_view text, Visit visit) {
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint next = decode_code_point(text, i);
    visit(next.value, text.substr(i, next.size_bytes));
    i += next.size_bytes;
  }
}

/// Full decomposition in canonical order.
std::vector<Changed> decomposed(std::string_view text, Decomposition kind) {
  std::vector<Changed> out;
  out.reserve(text.size());
  std::size_t run = 0;  // first of the marks that are not in order yet
  const auto order_run = [&out, &run](std::size_t end) {
    std::stable_sort(out.begin() + static_cast<std::ptrdiff_t>(run),
                     out.begin() + static_cast<std::ptrdiff_t>(end), [](const Changed& a, const Changed& b) {
                       return combining_class(a.character) < combining_class(b.character);
                     });
  };
  std::u32string parts;
  for_each_code_point(text, [&](char32_t character, std::string_view) {
    parts.clear();
    decompose(character, kind, parts);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (combining_class(parts[i]) == 0) {
        order_run(out.size());
        run = out.size() + 1;
      }
      out.push_back({parts[i], i == 0 ? 0 : 1});
    }
  });
  order_run(out.size());
  return out;
}

/// Canonical composition (UAX #15, D117), in place. A composite takes the changes of its two parts and the
/// place of the second: their sum minus one.
void recompose(std::vector<Changed>& text) {
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t written = 0;
  std::size_t starter = kNone;
  int last_class = -1;  // of the character kept last after the starter; -1 right after it
  for (const Changed& next : std::vector<Changed>(text)) {
    const int next_class = combining_class(next.character);
    if (starter != kNone && last_class < next_class) {
      if (const auto composite = compose(text[starter].character, next.character)) {
        text[starter] = {*composite, text[starter].change + next.change - 1};
        continue;
      }
    }
    if (next_class == 0) {
      starter = written;
      last_class = -1;
    } else {
      last_class = next_class;
    }
    text[written++] = next;
  }
  text.resize(written);
}

template <class Keep>
void filter(AlignedText& aligned, Keep keep) {
  AlignedRewriter rewriter(aligned);
  for_each_code_point(aligned.text, [&](char32_t character, std::string_view bytes) {
    if (keep(character)) {
      rewriter.write(bytes, 0);
    } else {
      rewriter.remove();
    }
  });
  aligned = std::move(rewriter).finish();
}

template <class Map>
void map(AlignedText& aligned, Map replacement) {
  AlignedRewriter rewriter(aligned);
  for_each_code_point(
      aligned.text, [&](char32_t character, std::string_view) { rewriter.write(replacement(character), 0); });
  aligned = std::move(rewriter).finish();
}

/// The blocks that BERT calls Chinese: CJK ideographs, no kana, no hangul.
bool is_cjk_ideograph(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

void clean(AlignedText& aligned) {
  filter(aligned, [](char32_t c) {
    if (c == '\t' || c == '\n' || c == '\r') return true;
    return c != 0 && c != 0xFFFD && !is_control_or_format(c);
  });
  map(aligned, [](char32_t c) { return is_white_space(c) ? U' ' : c; });
}

void space_ideographs(AlignedText& aligned) {
  AlignedRewriter rewriter(aligned);
  for_each_code_point(aligned.text, [&](char32_t character, std::string_view bytes) {
    if (!is_cjk_ideograph(character)) return rewriter.write(bytes, 0);
    rewriter.write(U' ', 0);
    rewriter.write(bytes, 1);
    rewriter.write(U' ', 1);
  });
  aligned = std::move(rewriter).finish();
}

}  // namespace

void UnicodeForm::normalize(AlignedText& aligned) const {
  if (is_ascii(aligned.text)) return;
  std::vector<Changed> characters = decomposed(aligned.text, kind_);
  if (compose_) recompose(characters);
  AlignedRewriter rewriter(aligned);
  for (const Changed& one : characters) rewriter.write(one.character, one.change);
  aligned = std::move(rewriter).finish();
}

void LowercaseNormalizer::normalize(AlignedText& aligned) const {
  if (is_ascii(aligned.text)) {
    for (char& c : aligned.text)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return;
  }
  AlignedRewriter rewriter(aligned);
  for_each_code_point(aligned.text, [&](char32_t character, std::string_view) {
    std::int64_t change = 0;
    for (const char32_t lower : to_lower(character)) rewriter.write(lower, std::exchange(change, 1));
  });
  aligned = std::move(rewriter).finish();
}

void StripAccentsNormalizer::normalize(AlignedText& aligned) const {
  if (is_ascii(aligned.text)) return;
  filter(aligned, [](char32_t c) { return !is_mark(c); });
}

void NmtNormalizer::normalize(AlignedText& aligned) const {
  filter(aligned, [](char32_t c) {
    return !((c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F ||
             c == 0x9F);
  });
  map(aligned, [](char32_t c) {
    const bool space = c == 0x9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
                       (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                       c == 0xFEFF || c == 0xFFFD;
    return space ? U' ' : c;
  });
}

void BertNormalizer::normalize(AlignedText& aligned) const {
  if (options_.clean_text) clean(aligned);
  if (options_.handle_chinese_chars && !is_ascii(aligned.text)) space_ideographs(aligned);
  if (options_.strip_accents && !is_ascii(aligned.text)) {
    UnicodeForm(Decomposition::kCanonical, false).normalize(aligned);
    filter(aligned, [](char32_t c) { return !is_nonspacing_mark(c); });
  }
  if (options_.lowercase) LowercaseNormalizer().normalize(aligned);
}

}  // namespace epicrisis
