#include "synth/template_text.hpp"

#include <fmt/format.h>

#include <charconv>

namespace epicrisis::synth {
namespace {

Error malformed(std::string_view what, std::string_view text) {
  return {ErrorCode::kCorrupt, fmt::format("{} in \"{}\".", what, text), ""};
}

}  // namespace

Result<Template> Template::parse(std::string_view text) {
  std::size_t at = 0;
  EPICRISIS_ASSIGN_OR_RETURN(Template parsed, parse_until(text, at, false));
  if (at != text.size()) return malformed("']' without '['", text);
  parsed.source_ = std::string(text);
  return parsed;
}

Result<Template> Template::parse_until(std::string_view text, std::size_t& at, bool inside_choice) {
  Template result;
  std::string words;
  const auto flush = [&] {
    if (!words.empty()) result.nodes_.push_back({Node::Kind::kText, words, {}});
    words.clear();
  };
  while (at < text.size()) {
    const char c = text[at];
    if (c == ']' || (c == '|' && inside_choice)) break;
    ++at;
    if (c == '{') {
      const std::size_t end = text.find('}', at);
      if (end == std::string_view::npos || end == at) return malformed("Unclosed or empty '{'", text);
      flush();
      result.nodes_.push_back({Node::Kind::kSlot, std::string(text.substr(at, end - at)), {}});
      at = end + 1;
    } else if (c == '[') {
      flush();
      Node choice{Node::Kind::kChoice, {}, {}};
      for (bool more = true; more; ++at) {
        EPICRISIS_ASSIGN_OR_RETURN(Template part, parse_until(text, at, true));
        choice.parts.push_back(std::move(part));
        if (at >= text.size()) return malformed("Unclosed '['", text);
        more = text[at] == '|';
      }
      result.nodes_.push_back(std::move(choice));
    } else {
      words += c;
    }
  }
  flush();
  return result;
}

std::string Template::expand(Random& random, const SlotFunction& slot) const {
  std::string out;
  expand_into(out, random, slot);
  return out;
}

void Template::expand_into(std::string& out, Random& random, const SlotFunction& slot) const {
  for (const Node& node : nodes_) {
    switch (node.kind) {
      case Node::Kind::kText:
        out += node.text;
        break;
      case Node::Kind::kSlot:
        out += slot(node.text);
        break;
      case Node::Kind::kChoice:
        node.parts[random.below(node.parts.size())].expand_into(out, random, slot);
        break;
    }
  }
}

void Template::for_each_slot(const std::function<void(std::string_view)>& visit) const {
  for (const Node& node : nodes_) {
    if (node.kind == Node::Kind::kSlot) visit(node.text);
    for (const Template& part : node.parts) part.for_each_slot(visit);
  }
}

Result<std::vector<Condition>> take_conditions(std::string_view& text) {
  std::vector<Condition> conditions;
  if (!text.starts_with('@')) return conditions;
  const std::size_t end = std::min(text.find(' '), text.size());
  std::string_view list = text.substr(1, end - 1);
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view one = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    Condition condition;
    if (one.starts_with('!')) {
      condition.negated = true;
      one.remove_prefix(1);
    }
    if (const std::size_t sign = one.find(">="); sign != std::string_view::npos) {
      const std::string_view digits = one.substr(sign + 2);
      const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), condition.at_least);
      if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
        return malformed("A condition without a number after '>='", text);
      }
      one = one.substr(0, sign);
    }
    if (one.empty()) return malformed("An empty condition", text);
    condition.name = std::string(one);
    conditions.push_back(std::move(condition));
  }
  text.remove_prefix(std::min(end + 1, text.size()));
  return conditions;
}

}  // namespace epicrisis::synth
