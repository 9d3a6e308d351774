#include "text/tokenizers/pattern.hpp"

#include <charconv>
#include <utility>

#include "text/tokenizers/component.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

struct Repeat {
  std::string unit;
  std::size_t at_least = 1;
};

/// "x{n,}" or "x+" with a literal x.
std::optional<Repeat> parse_repeat(std::string_view regex) {
  if (regex.empty()) return std::nullopt;
  constexpr std::string_view kMeta = "\\^$.|?*+()[]{}";
  const std::string_view unit = regex.substr(0, sequence_length(regex.front()));
  if (unit.size() == 1 && kMeta.find(unit.front()) != std::string_view::npos) return std::nullopt;
  const std::string_view quantifier = regex.substr(unit.size());
  if (quantifier == "+") return Repeat{std::string(unit), 1};
  if (quantifier.size() < 4 || !quantifier.starts_with('{') || !quantifier.ends_with(",}"))
    return std::nullopt;
  const std::string_view digits = quantifier.substr(1, quantifier.size() - 3);
  std::size_t at_least = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), at_least);
  if (failure != std::errc() || end != digits.data() + digits.size() || at_least == 0) return std::nullopt;
  return Repeat{std::string(unit), at_least};
}

}  // namespace

Result<Pattern> Pattern::read(const Json& component, std::string_view where) {
  const auto pattern = component.find("pattern");
  if (pattern == component.end() || !pattern->is_object() || pattern->size() != 1)
    return detail::damaged_tokenizer(where, "expected a member 'pattern' with one text");
  if (pattern->contains("String")) {
    EPICRISIS_ASSIGN_OR_RETURN(std::string text, detail::text_member(*pattern, "String", where));
    if (text.empty()) return detail::unsupported_component(where, "an empty pattern");
    return literal(std::move(text));
  }
  EPICRISIS_ASSIGN_OR_RETURN(const std::string regex, detail::text_member(*pattern, "Regex", where));
  if (auto repeat = parse_repeat(regex)) return Pattern(std::move(repeat->unit), repeat->at_least, true);
  EPICRISIS_ASSIGN_OR_RETURN(Regex compiled, Regex::compile(regex, where));
  return Pattern(std::move(compiled));
}

Result<std::string> read_replacement(const Json& component, std::string_view where) {
  constexpr std::size_t kMaxBytes = 1024;
  EPICRISIS_ASSIGN_OR_RETURN(std::string content, detail::text_member(component, "content", where));
  if (content.size() > kMaxBytes)
    return detail::unsupported_component(where, fmt::format("a replacement of {} bytes", content.size()));
  return content;
}

std::optional<ByteRange> Pattern::find_repeats(std::string_view text, std::size_t from) const {
  while ((from = text.find(unit_, from)) != std::string_view::npos) {
    std::size_t repeats = 1;
    std::size_t end = from + unit_.size();
    while ((greedy_ || repeats < min_repeats_) && text.substr(end).starts_with(unit_)) {
      end += unit_.size();
      ++repeats;
    }
    if (repeats >= min_repeats_) return ByteRange{from, end};
    from = end;
  }
  return std::nullopt;
}

}  // namespace epicrisis
