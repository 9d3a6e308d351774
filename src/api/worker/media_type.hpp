#pragma once

#include <optional>
#include <string_view>

#include "base/result.hpp"

namespace epicrisis::api {

/// The forms in which notes come in and summaries go out.
enum class MediaType { kJson, kCsv, kText };

/// "application/json", "text/csv" or, for requests only, "application/x-text" (one note, as it is).
std::string_view to_string(MediaType type) noexcept;

/// The form of a body from its Content-Type; parameters such as charset are accepted, and none or */* means
/// JSON. Errors: kInvalidArgument for any other.
Result<MediaType> content_type_of(std::optional<std::string_view> content_type);

/// The form to answer in from Accept (RFC 9110, section 12.5.1): the supported one of the highest weight,
/// JSON before CSV among equals. Errors: kInvalidArgument when none is acceptable.
Result<MediaType> answer_type_for(std::optional<std::string_view> accept);

}  // namespace epicrisis::api
