#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/worker/media_type.hpp"
#include "base/clinical_text.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace epicrisis::api {

/// How results stand in a JSON answer.
enum class ResultForm {
  kPipeline,  ///< Hugging Face's pipelines: a list of objects.
  kTextInputs,  ///< JumpStart's text-to-text models asked with `text_inputs`: {"generated_texts": ["…", …]}.
  kPlainText,  ///< The same asked with a plain text: {"generated_text": "…"}.
};

/// What a client asks of POST /invocations.
struct Invocation {
  std::vector<ClinicalText> inputs;
  ResultForm form = ResultForm::kPipeline;
  bool is_list = false;  ///< `inputs` was a list, or a table.
  Json parameters = Json::object();
  bool stream = false;  ///< The text is wanted in pieces as they come.
};

/// Reads a body. JSON: {"inputs": "…" | ["…", …], "parameters": {…},
/// "stream": true}; other members are ignored. CSV (RFC
/// 4180): a header row with a column `inputs`, one note a row. Plain text: one note. JSON as JumpStart's
/// text-to-text models take it: {"text_inputs": "…" | ["…", …], parameters beside it}. Errors:
/// kInvalidArgument, kCorrupt; they name field, row and byte, never text.
Result<Invocation> decode_invocation(MediaType type, std::string_view body);

/// Writes the texts of each input under `key`. JSON: [{"<key>": "…"}, …], compact UTF-8 without ASCII
/// escapes; several texts of an input of a list stand in a list of their own, as the reference's pipelines
/// return them. Other forms as ResultForm says. CSV: `key` as header row, then one row each, ended by CRLF,
/// input after input.
std::string encode_results(MediaType type, std::string_view key,
                           std::span<const std::vector<std::string>> results, bool is_list,
                           ResultForm form = ResultForm::kPipeline);

/// An event of a stream (server-sent events, https://html.spec.whatwg.org/#server-sent-events): "data:
/// {"<key>": "…"}" and a blank line.
std::string encode_event(std::string_view key, std::string_view text);

/// {"error": "…"}.
std::string encode_error(std::string_view message);

}  // namespace epicrisis::api
