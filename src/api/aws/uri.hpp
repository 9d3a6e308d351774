#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epicrisis::api::aws {

/// `text` with everything but A–Z a–z 0–9 - _ . ~ and the characters of `kept` percent-encoded.
std::string percent_encode(std::string_view text, std::string_view kept = {});
/// Nothing when a percent sign is not followed by two hex digits.
std::optional<std::string> percent_decode(std::string_view text);

/// Names and values in order, decoded.
using Parameters = std::vector<std::pair<std::string, std::string>>;
/// A query string; with `plus_is_blank` a form (application/x-www-form-urlencoded). A name without value has
/// the value "". Nothing when it cannot be decoded.
std::optional<Parameters> parse_query(std::string_view query, bool plus_is_blank = false);
/// The value of the first parameter called `name`.
std::optional<std::string_view> find(const Parameters& parameters, std::string_view name);

}  // namespace epicrisis::api::aws
