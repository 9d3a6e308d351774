#include "hub/model_name.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "hub/detail/text.hpp"

namespace epicrisis {
namespace {

constexpr std::size_t kMaxName = 128;
constexpr std::size_t kMaxVersion = 64;
constexpr std::string_view kHashPrefix = "sha256:";
/// Fewer digits of a hash would name one content today and two tomorrow.
constexpr std::size_t kMinHashDigits = 8;
constexpr std::size_t kMaxHashDigits = 64;

bool is_word(std::string_view text, std::size_t max_bytes) noexcept {
  return !text.empty() && text.size() <= max_bytes && text.front() != '.' && text.front() != '-' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return detail::is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_content_hash(std::string_view text) noexcept {
  if (!text.starts_with(kHashPrefix)) return false;
  text.remove_prefix(kHashPrefix.size());
  return text.size() >= kMinHashDigits && text.size() <= kMaxHashDigits && detail::is_hex(text);
}

}  // namespace

bool is_archive_name(std::string_view text) noexcept {
  return text.ends_with(".tar.gz") || text.ends_with(".tgz");
}

bool is_model_name(std::string_view text) noexcept {
  return is_word(text, kMaxName) && !is_archive_name(text);
}

bool is_model_version(std::string_view text) noexcept { return is_word(text, kMaxVersion); }

Result<ModelName> parse_model_name(std::string_view text) {
  const std::size_t at = text.find('@');
  ModelName parsed;
  parsed.name = text.substr(0, at);
  if (!is_model_name(parsed.name)) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{} is no name of a model: letters, digits, '-', '_' and '.' make one.",
                             detail::in_quotes(parsed.name)),
                 ""};
  }
  if (at == std::string_view::npos) return parsed;
  parsed.version = text.substr(at + 1);
  if (!is_model_version(*parsed.version) && !is_content_hash(*parsed.version)) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("{} is no version of a model: give NAME@VERSION, or NAME@sha256: and at least {} "
                    "digits of its content hash.",
                    detail::in_quotes(*parsed.version), kMinHashDigits),
        ""};
  }
  return parsed;
}

}  // namespace epicrisis
