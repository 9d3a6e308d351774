#include "synth/detail/item_syntax.hpp"

#include <fmt/format.h>

#include <charconv>

namespace epicrisis::synth::detail {
namespace {

Error malformed(std::string_view what, std::string_view text) {
  return {ErrorCode::kCorrupt, fmt::format("{} in \"{}\".", what, text), ""};
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// Parts of `text` between `separator`, trimmed.
std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(trimmed(text.substr(0, at)));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + separator.size());
  }
}

/// A non-negative decimal with at most one digit after the point, in tenths.
Result<int> tenths(std::string_view text, bool& decimal) {
  const std::size_t point = text.find('.');
  int whole = 0;
  const std::string_view digits = text.substr(0, point);
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), whole);
  bool ok = parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size() && whole < 100'000'000;
  int tenth = 0;
  if (point != std::string_view::npos) {
    decimal = true;
    ok = ok && point + 2 == text.size() && text[point + 1] >= '0' && text[point + 1] <= '9';
    if (ok) tenth = text[point + 1] - '0';
  }
  if (!ok) return malformed("A number is expected", text);
  return whole * 10 + tenth;
}

}  // namespace

Result<Item> parse_item(std::string_view text) {
  const std::string_view whole = text;
  Item item;
  EPICRISIS_ASSIGN_OR_RETURN(item.conditions, take_conditions(text));
  if (text.starts_with('*')) {
    item.always = true;
    text.remove_prefix(1);
  }
  if (text.starts_with('+') || text.starts_with('~')) {
    item.verb = text.front() == '+' ? Item::Verb::kGiven : Item::Verb::kStarted;
    text.remove_prefix(1);
  }
  const std::vector<std::string_view> sides = split(text, "=>");
  if (sides.size() > 2 || sides.front().empty()) return malformed("Expected \"note => summary\"", whole);
  EPICRISIS_ASSIGN_OR_RETURN(item.note, Template::parse(sides.front()));
  if (sides.size() == 2) {
    if (sides.back().empty()) return malformed("Nothing after '=>'", whole);
    item.in_summary = true;
    item.summary_as_note = sides.back() == ".";
    EPICRISIS_ASSIGN_OR_RETURN(item.summary, Template::parse(sides.back()));
  }
  return item;
}

Result<Item> parse_history(std::string_view text) {
  // The drugs follow the last " | "; a '|' of a choice has no blanks round it.
  const std::size_t bar = text.find(" | ");
  EPICRISIS_ASSIGN_OR_RETURN(Item item, parse_item(text.substr(0, bar)));
  if (bar == std::string_view::npos) return item;
  for (const std::string_view drug : split(text.substr(bar + 3), " / ")) {
    EPICRISIS_ASSIGN_OR_RETURN(Template parsed, Template::parse(drug));
    item.medications.push_back(std::move(parsed));
  }
  return item;
}

Result<Variable> parse_number(std::string_view name, std::string_view text) {
  const std::string_view whole = text;
  Variable variable;
  variable.names.emplace_back(name);
  if (!text.starts_with('#') || text.size() < 2) return malformed("Expected \"#low-high\"", whole);
  text.remove_prefix(1);
  using Unit = Variable::Unit;
  switch (text.front()) {
    case 'g':
      variable.unit = Unit::kGlucose;
      break;
    case 'c':
      variable.unit = Unit::kCreatinine;
      break;
    case 'h':
      variable.unit = Unit::kHaemoglobin;
      break;
    case 'k':
      variable.unit = Unit::kPerKilogram;
      break;
    default:
      break;
  }
  if (variable.unit != Unit::kPlain) text.remove_prefix(1);
  bool ignored = false;
  if (const std::size_t at = text.find("<="); at != std::string_view::npos) {
    EPICRISIS_ASSIGN_OR_RETURN(const int maximum, tenths(text.substr(at + 2), ignored));
    variable.maximum = maximum / 10;
    text = text.substr(0, at);
  }
  if (const std::size_t at = text.find('/'); at != std::string_view::npos) {
    EPICRISIS_ASSIGN_OR_RETURN(const int step, tenths(text.substr(at + 1), ignored));
    variable.step = step / 10;
    if (variable.step < 1) return malformed("A step below 1", whole);
    text = text.substr(0, at);
  }
  const std::size_t dash = text.find('-');
  EPICRISIS_ASSIGN_OR_RETURN(variable.tenths.low, tenths(text.substr(0, dash), variable.decimal));
  variable.tenths.high = variable.tenths.low;
  if (dash != std::string_view::npos) {
    EPICRISIS_ASSIGN_OR_RETURN(variable.tenths.high, tenths(text.substr(dash + 1), variable.decimal));
  }
  if (variable.tenths.high < variable.tenths.low)
    return malformed("The upper bound is below the lower", whole);
  return variable;
}

Result<Variable> parse_rows(std::string_view names, const std::vector<std::string>& rows) {
  Variable variable;
  for (const std::string_view name : split(names, "|")) variable.names.emplace_back(name);
  for (const std::string& row : rows) {
    std::vector<std::string> values;
    for (const std::string_view value : split(row, "|")) values.emplace_back(value);
    if (values.size() != variable.names.size()) {
      return malformed(fmt::format("Expected {} values between '|'", variable.names.size()), row);
    }
    variable.rows.push_back(std::move(values));
  }
  if (variable.rows.empty()) return malformed("No values", names);
  return variable;
}

Result<Production> parse_production(std::string_view text) {
  Production production;
  if (text.starts_with('%')) {
    const std::string_view digits = text.substr(1, text.find(' ') - 1);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), production.weight);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || production.weight < 1) {
      return malformed("Expected \"%weight text\"", text);
    }
    text.remove_prefix(std::min(digits.size() + 2, text.size()));
  }
  EPICRISIS_ASSIGN_OR_RETURN(production.conditions, take_conditions(text));
  EPICRISIS_ASSIGN_OR_RETURN(Template parsed, Template::parse(text));
  production.segments.push_back(std::move(parsed));
  return production;
}

}  // namespace epicrisis::synth::detail
