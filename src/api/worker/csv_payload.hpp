#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clinical_text.hpp"
#include "base/result.hpp"

namespace epicrisis::api {

/// The column `inputs` of a CSV text (RFC 4180, UTF-8 with or without byte order mark) whose first row is the
/// header. Other columns are ignored, empty lines skipped. Errors: kInvalidArgument without such a column,
/// kCorrupt for a misplaced quote, a row of another length than the header, or bytes that are no UTF-8.
Result<std::vector<ClinicalText>> decode_csv_inputs(std::string_view text);

/// `key` and then every result, a row each, ended by CRLF; quoted where RFC 4180 asks for it.
std::string encode_csv_results(std::string_view key, std::span<const std::string> results);

}  // namespace epicrisis::api
