#include "api/sagemaker/json_path.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace epicrisis::api {
namespace {

constexpr std::size_t kMaxSteps = 32;

Error not_understood(std::size_t at) {
  return {ErrorCode::kInvalidArgument,
          fmt::format("The JSONPath is not understood at character {}: known are $, .name, ['name'], [2], "
                      "[1:3], [*].",
                      at + 1),
          ""};
}

std::optional<std::size_t> read_number(std::string_view text, std::size_t& at) {
  std::size_t number = 0;
  const auto read = std::from_chars(text.data() + at, text.data() + text.size(), number);
  if (read.ec != std::errc()) return std::nullopt;
  at = static_cast<std::size_t>(read.ptr - text.data());
  return number;
}

/// 'name' or "name" at `at`.
std::optional<std::string> read_quoted(std::string_view text, std::size_t& at) {
  if (at >= text.size() || (text[at] != '\'' && text[at] != '"')) return std::nullopt;
  const std::size_t end = text.find(text[at], at + 1);
  if (end == std::string_view::npos) return std::nullopt;
  std::string name(text.substr(at + 1, end - at - 1));
  at = end + 1;
  return name;
}

}  // namespace

Result<JsonPath::Step> JsonPath::parse_bracket(std::string_view text, std::size_t& at) {
  Step step;
  const auto next_is = [&](char c) { return at < text.size() && text[at] == c; };
  ++at;
  if (next_is('*')) {
    ++at;
    step.is_range = true;
  } else if (next_is('\'') || next_is('"')) {
    do {
      if (next_is(',')) ++at;
      while (next_is(' ')) ++at;
      auto name = read_quoted(text, at);
      if (!name) return not_understood(at);
      step.names.push_back(std::move(*name));
      while (next_is(' ')) ++at;
    } while (next_is(','));
  } else {
    step.begin = read_number(text, at);
    if (next_is(':')) {
      ++at;
      step.is_range = true;
      step.end = read_number(text, at);
    } else if (!step.begin) {
      return not_understood(at);
    }
  }
  if (!next_is(']')) return not_understood(at);
  ++at;
  return step;
}

Result<JsonPath> JsonPath::parse(std::string_view text) {
  if (!text.starts_with('$')) return not_understood(0);
  JsonPath path;
  for (std::size_t at = 1; at < text.size();) {
    if (path.steps_.size() == kMaxSteps) return not_understood(at);
    if (text[at] == '[') {
      EPICRISIS_ASSIGN_OR_RETURN(Step step, parse_bracket(text, at));
      path.steps_.push_back(std::move(step));
      continue;
    }
    if (text[at] != '.') return not_understood(at);
    const std::size_t end = std::min(text.find_first_of(".[", at + 1), text.size());
    const std::string_view name = text.substr(at + 1, end - at - 1);
    if (name.empty()) return not_understood(at);
    Step step;
    if (name == "*") {
      step.is_range = true;
    } else {
      step.names.emplace_back(name);
    }
    path.steps_.push_back(std::move(step));
    at = end;
  }
  return path;
}

std::optional<OrderedJson> JsonPath::select(const OrderedJson& value) const {
  std::vector<const OrderedJson*> found = {&value};
  bool is_single = true;
  for (const Step& step : steps_) {
    is_single = is_single && !step.is_range && step.names.size() <= 1;
    std::vector<const OrderedJson*> next;
    for (const OrderedJson* from : found) {
      for (const std::string& name : step.names) {
        if (from->is_object() && from->contains(name)) next.push_back(&from->at(name));
      }
      if (!step.names.empty()) continue;
      if (step.is_range && from->is_object() && !step.begin && !step.end) {
        for (const auto& item : from->items()) next.push_back(&item.value());
      }
      if (!from->is_array()) continue;
      const std::size_t begin = step.begin.value_or(0);
      const std::size_t end =
          step.is_range ? std::min(step.end.value_or(from->size()), from->size()) : begin + 1;
      for (std::size_t i = begin; i < end && i < from->size(); ++i) next.push_back(&from->at(i));
    }
    found = std::move(next);
  }
  if (is_single) return found.empty() ? std::nullopt : std::optional<OrderedJson>(*found.front());
  OrderedJson list = OrderedJson::array();
  for (const OrderedJson* item : found) list.push_back(*item);
  return list;
}

}  // namespace epicrisis::api
