#include "api/sagemaker/request_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace epicrisis::api {
namespace {

constexpr std::string_view kNotNull = "Member must not be null";

bool is_alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_role_arn(std::string_view text) noexcept {
  // arn:aws[a-z-]*:iam::\d{12}:role/…
  if (!text.starts_with("arn:aws")) return false;
  text.remove_prefix(7);
  const std::size_t partition = std::min(text.find(':'), text.size());
  const auto of_partition = [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; };
  if (!std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(partition), of_partition))
    return false;
  text.remove_prefix(partition);
  constexpr std::string_view kService = ":iam::";
  constexpr std::string_view kRole = ":role/";
  if (!text.starts_with(kService) || text.size() < kService.size() + 12 + kRole.size() + 1) return false;
  text.remove_prefix(kService.size());
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!std::all_of(text.begin(), text.begin() + 12, is_digit)) return false;
  text.remove_prefix(12);
  return text.starts_with(kRole) && text.find_first_of(" \t\r\n") == std::string_view::npos;
}

bool is_uri(std::string_view text) noexcept {
  for (const std::string_view scheme : {std::string_view("s3://"), std::string_view("https://")}) {
    if (text.starts_with(scheme)) return text.size() > scheme.size() && text[scheme.size()] != '/';
  }
  return false;
}

/// "productionVariants": members are named in messages as the service does it.
std::string lower_first(std::string_view member) {
  std::string name(member);
  if (!name.empty() && name[0] >= 'A' && name[0] <= 'Z') name[0] = static_cast<char>(name[0] - 'A' + 'a');
  return name;
}

}  // namespace

const TextRule kNameRule = {0, 63, "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", is_resource_name};
const TextRule kRoleArnRule = {20, 2048, R"(^arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$)",
                               is_role_arn};
const TextRule kUriRule = {0, 1024, "^(https|s3)://([^/]+)/?(.*)$", is_uri};

bool is_resource_name(std::string_view text) noexcept {
  if (text.empty() || !is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_alphanumeric(c) || c == '-'; });
}

struct RequestReader::Findings {
  std::optional<Error> wrong_type;
  std::vector<std::string> refusals;
};

RequestReader::RequestReader(const Json& object) : RequestReader(object, "", std::make_shared<Findings>()) {}

RequestReader::RequestReader(const Json& object, std::string path, std::shared_ptr<Findings> findings)
    : object_(&object), path_(std::move(path)), findings_(std::move(findings)) {}

std::string RequestReader::path_of(std::string_view member) const { return path_ + lower_first(member); }

const Json* RequestReader::find(std::string_view member) const {
  if (!object_->is_object()) return nullptr;
  const auto found = object_->find(std::string(member));
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

const Json* RequestReader::required(std::string_view member) const {
  const Json* value = find(member);
  if (value == nullptr) refuse(member, kNotNull, true);
  return value;
}

void RequestReader::refuse(std::string_view member, std::string_view constraint, bool is_null) const {
  findings_->refusals.push_back(fmt::format("Value {} at '{}' failed to satisfy constraint: {}",
                                            is_null ? "null" : "'…'", path_of(member), constraint));
}

void RequestReader::wrong_type(std::string_view member, std::string_view expected) const {
  if (findings_->wrong_type) return;
  findings_->wrong_type =
      Error{ErrorCode::kCorrupt, fmt::format("'{}' must be {}.", path_of(member), expected), ""};
}

Result<void> RequestReader::check() const {
  if (findings_->wrong_type) return *findings_->wrong_type;
  const std::size_t count = findings_->refusals.size();
  if (count == 0) return {};
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("{} validation error{} detected: {}", count, count == 1 ? "" : "s",
                           fmt::join(findings_->refusals, "; ")),
               ""};
}

bool RequestReader::has(std::string_view member) const { return find(member) != nullptr; }

std::optional<std::string> RequestReader::text(std::string_view member, const TextRule& rule) const {
  const Json* value = find(member);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    wrong_type(member, "a string");
    return std::nullopt;
  }
  const auto& text = value->get_ref<const std::string&>();
  if (text.size() < rule.min_length) {
    refuse(member, fmt::format("Member must have length greater than or equal to {}", rule.min_length));
  }
  if (text.size() > rule.max_length) {
    refuse(member, fmt::format("Member must have length less than or equal to {}", rule.max_length));
  }
  if (rule.matches != nullptr && !rule.matches(text)) {
    refuse(member, fmt::format("Member must satisfy regular expression pattern: {}", rule.pattern));
  }
  return text;
}

std::optional<std::int64_t> RequestReader::integer(std::string_view member, std::int64_t min,
                                                   std::int64_t max) const {
  const Json* value = find(member);
  if (value == nullptr) return std::nullopt;
  const bool is_whole = value->is_number_float() &&
                        std::nearbyint(value->get<double>()) == value->get<double>() &&
                        std::abs(value->get<double>()) < 9e15;
  if (!value->is_number_integer() && !is_whole) {
    wrong_type(member, "a whole number");
    return std::nullopt;
  }
  const bool is_huge = value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX;
  const auto number = is_huge    ? INT64_MAX
                      : is_whole ? static_cast<std::int64_t>(value->get<double>())
                                 : value->get<std::int64_t>();
  if (number < min) refuse(member, fmt::format("Member must have value greater than or equal to {}", min));
  if (number > max) refuse(member, fmt::format("Member must have value less than or equal to {}", max));
  return number;
}

std::optional<double> RequestReader::number(std::string_view member, double min) const {
  const Json* value = find(member);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) {
    wrong_type(member, "a number");
    return std::nullopt;
  }
  if (value->get<double>() < min) {
    refuse(member, fmt::format("Member must have value greater than or equal to {}", min));
  }
  return value->get<double>();
}

std::optional<bool> RequestReader::flag(std::string_view member) const {
  const Json* value = find(member);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  wrong_type(member, "true or false");
  return std::nullopt;
}

std::optional<std::string> RequestReader::one_of(std::string_view member,
                                                 const std::vector<std::string_view>& values) const {
  const std::optional<std::string> value = text(member);
  if (value && std::find(values.begin(), values.end(), *value) == values.end()) {
    refuse(member, fmt::format("Member must satisfy enum value set: [{}]", fmt::join(values, ", ")));
  }
  return value;
}

std::map<std::string, std::string> RequestReader::text_map(std::string_view member,
                                                           std::size_t max_value_length) const {
  std::map<std::string, std::string> texts;
  const Json* value = find(member);
  if (value == nullptr) return texts;
  if (!value->is_object()) wrong_type(member, "an object of strings");
  for (const auto& [key, item] : value->items()) {
    if (!item.is_string()) {
      wrong_type(member, "an object of strings");
      continue;
    }
    if (item.get_ref<const std::string&>().size() > max_value_length) {
      refuse(
          member,
          fmt::format("Map value must satisfy constraint: [Member must have length less than or equal to {}]",
                      max_value_length));
    }
    texts[key] = item.get<std::string>();
  }
  return texts;
}

std::vector<std::string> RequestReader::text_list(std::string_view member) const {
  std::vector<std::string> texts;
  const Json* value = find(member);
  if (value == nullptr) return texts;
  if (!value->is_array()) wrong_type(member, "a list of strings");
  for (const Json& item : *value) {
    if (item.is_string()) {
      texts.push_back(item.get<std::string>());
    } else {
      wrong_type(member, "a list of strings");
    }
  }
  return texts;
}

std::optional<RequestReader> RequestReader::object(std::string_view member) const {
  const Json* value = find(member);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) {
    wrong_type(member, "an object");
    return std::nullopt;
  }
  return RequestReader(*value, path_of(member) + ".", findings_);
}

std::vector<RequestReader> RequestReader::objects(std::string_view member, std::size_t max_count) const {
  std::vector<RequestReader> readers;
  const Json* value = find(member);
  if (value == nullptr) return readers;
  if (!value->is_array()) {
    wrong_type(member, "a list of objects");
    return readers;
  }
  if (value->size() > max_count) {
    refuse(member, fmt::format("Member must have length less than or equal to {}", max_count));
  }
  for (const Json& item : *value) {
    if (!item.is_object()) wrong_type(member, "a list of objects");
    readers.push_back(
        RequestReader(item, fmt::format("{}.{}.member.", path_of(member), readers.size() + 1), findings_));
  }
  return readers;
}

std::string RequestReader::required_text(std::string_view member, const TextRule& rule) const {
  return required(member) == nullptr ? std::string() : text(member, rule).value_or("");
}

std::int64_t RequestReader::required_integer(std::string_view member, std::int64_t min,
                                             std::int64_t max) const {
  return required(member) == nullptr ? min : integer(member, min, max).value_or(min);
}

RequestReader RequestReader::required_object(std::string_view member) const {
  static const Json kEmpty = Json::object();
  if (required(member) != nullptr) {
    if (auto found = object(member)) return *found;
  }
  // Its members were not asked for: their absence is no finding of its own.
  return RequestReader(kEmpty, path_of(member) + ".", std::make_shared<Findings>());
}

std::vector<RequestReader> RequestReader::required_objects(std::string_view member,
                                                           std::size_t max_count) const {
  if (required(member) == nullptr) return {};
  std::vector<RequestReader> readers = objects(member, max_count);
  if (readers.empty() && find(member)->is_array()) {
    refuse(member, "Member must have length greater than or equal to 1");
  }
  return readers;
}

}  // namespace epicrisis::api
