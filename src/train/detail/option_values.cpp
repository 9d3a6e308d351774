#include "train/detail/option_values.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

namespace epicrisis::train::detail {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& letter : result)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return result;
}

std::optional<double> number_in(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

std::string Limits::to_text() const {
  std::string text;
  if (std::isfinite(least)) text += fmt::format(" {} {}", above_least ? "above" : "of at least", least);
  if (std::isfinite(most))
    text += fmt::format("{} {} {}", text.empty() ? "" : " and", below_most ? "below" : "at most", most);
  return text;
}

std::string joined(const std::vector<std::string>& names, std::string_view separator) {
  return fmt::format("{}", fmt::join(names, separator));
}

Error must_be(const std::string& what, std::string_view text) {
  constexpr std::size_t kShown = 80;
  return {
      ErrorCode::kInvalidArgument, fmt::format("must be {}, not '{}'.", what, text.substr(0, kShown)), {}};
}

Result<bool> read_switch(std::string_view text) {
  constexpr std::array<std::string_view, 4> kTrue = {"true", "yes", "on", "1"};
  constexpr std::array<std::string_view, 4> kFalse = {"false", "no", "off", "0"};
  const std::string word = lower(text);
  if (std::find(kTrue.begin(), kTrue.end(), word) != kTrue.end()) return true;
  if (std::find(kFalse.begin(), kFalse.end(), word) != kFalse.end()) return false;
  return must_be("true or false", text);
}

Result<double> read_real(std::string_view text, const Limits& limits) {
  const std::optional<double> value = number_in(text);
  if (!value || !limits.contains(*value)) return must_be("a number" + limits.to_text(), text);
  return *value;
}

Result<std::int64_t> read_whole(std::string_view text, const Limits& limits) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end) {
    constexpr double kExact = 9007199254740992.0;  // whole numbers up to 2^53
    const std::optional<double> real = number_in(text);
    if (!real || std::trunc(*real) != *real || std::fabs(*real) > kExact)
      return must_be("a whole number" + limits.to_text(), text);
    value = static_cast<std::int64_t>(*real);
  }
  if (!limits.contains(static_cast<double>(value))) return must_be("a whole number" + limits.to_text(), text);
  return value;
}

Result<std::map<std::string, std::string>> read_pairs(std::string_view text) {
  std::map<std::string, std::string> settings;
  if (text.starts_with('{')) {
    const Json object = Json::parse(text, nullptr, false);
    if (!object.is_object()) return must_be("NAME=VALUE pairs separated by commas, or a JSON object", text);
    for (const auto& [name, value] : object.items())
      settings[name] = value.is_string() ? value.get<std::string>() : value.dump();
    return settings;
  }
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    const std::size_t equals = item.find('=');
    if (equals == 0 || equals == std::string_view::npos)
      return must_be("NAME=VALUE pairs separated by commas", item);
    settings[std::string(item.substr(0, equals))] = std::string(item.substr(equals + 1));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
  }
  return settings;
}

std::vector<std::string> read_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    if (!item.empty()) items.emplace_back(item);
    text.remove_prefix(std::min(text.size(), item.size() + 1));
  }
  return items;
}

}  // namespace epicrisis::train::detail
