#include "api/worker/payload.hpp"

#include <fmt/format.h>

#include <utility>

#include "api/worker/csv_payload.hpp"

namespace epicrisis::api {
namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message), ""}; }

std::string to_utf8(const Json& value) {
  // A model's output is valid UTF-8; were it not, a mark in its place is better than no answer.
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// A text or a list of texts.
Result<void> take_inputs(Invocation& invocation, Json& inputs, std::string_view name) {
  if (inputs.is_string()) {
    invocation.inputs.emplace_back(std::move(inputs.get_ref<std::string&>()));
    return {};
  }
  if (!inputs.is_array()) return invalid(fmt::format("'{}' must be a string or a list of strings.", name));
  invocation.is_list = true;
  invocation.inputs.reserve(inputs.size());
  for (Json& input : inputs) {
    if (!input.is_string()) {
      return invalid(fmt::format("'{}[{}]' must be a string.", name, invocation.inputs.size()));
    }
    invocation.inputs.emplace_back(std::move(input.get_ref<std::string&>()));
  }
  return {};
}

/// JumpStart's form: what stands beside `text_inputs` are parameters.
Result<Invocation> decode_text_inputs(Json request) {
  Invocation invocation;
  invocation.form = ResultForm::kTextInputs;
  EPICRISIS_RETURN_IF_ERROR(take_inputs(invocation, request["text_inputs"], "text_inputs"));
  request.erase("text_inputs");
  invocation.parameters = std::move(request);
  return invocation;
}

Result<Invocation> decode_json(std::string_view body) {
  EPICRISIS_ASSIGN_OR_RETURN(Json request, parse_json(body, "The request body"));
  if (!request.is_object()) return invalid("The request body must be a JSON object with 'inputs'.");
  const auto inputs = request.find("inputs");
  if (inputs == request.end()) {
    if (request.contains("text_inputs")) return decode_text_inputs(std::move(request));
    return invalid("'inputs' is missing.");
  }
  Invocation invocation;
  EPICRISIS_RETURN_IF_ERROR(take_inputs(invocation, *inputs, "inputs"));
  if (const auto parameters = request.find("parameters");
      parameters != request.end() && !parameters->is_null()) {
    if (!parameters->is_object()) return invalid("'parameters' must be an object.");
    invocation.parameters = std::move(*parameters);
  }
  if (const auto stream = request.find("stream"); stream != request.end() && !stream->is_null()) {
    if (!stream->is_boolean()) return invalid("'stream' must be true or false.");
    invocation.stream = stream->get<bool>();
    if (invocation.stream && invocation.inputs.size() != 1) {
      return invalid("'stream' needs exactly one input.");
    }
  }
  return invocation;
}

}  // namespace

Result<Invocation> decode_invocation(MediaType type, std::string_view body) {
  if (type == MediaType::kJson) return decode_json(body);
  Invocation invocation;
  if (type == MediaType::kText) {
    invocation.form = ResultForm::kPlainText;
    invocation.inputs.emplace_back(std::string(body));
    return invocation;
  }
  invocation.is_list = true;
  EPICRISIS_ASSIGN_OR_RETURN(invocation.inputs, decode_csv_inputs(body));
  return invocation;
}

std::string encode_results(MediaType type, std::string_view key,
                           std::span<const std::vector<std::string>> results, bool is_list, ResultForm form) {
  if (type == MediaType::kCsv || form != ResultForm::kPipeline) {
    std::vector<std::string> rows;
    for (const auto& texts : results) rows.insert(rows.end(), texts.begin(), texts.end());
    if (type == MediaType::kCsv) return encode_csv_results(key, rows);
    if (form == ResultForm::kTextInputs) return to_utf8({{"generated_texts", rows}});
    return to_utf8({{"generated_text", rows.empty() ? std::string() : rows.front()}});
  }
  Json list = Json::array();
  for (const std::vector<std::string>& texts : results) {
    Json of_input = Json::array();
    for (const std::string& text : texts) of_input.push_back({{std::string(key), text}});
    if (is_list && texts.size() > 1) {
      list.push_back(std::move(of_input));
    } else {
      for (Json& result : of_input) list.push_back(std::move(result));
    }
  }
  return to_utf8(list);
}

std::string encode_event(std::string_view key, std::string_view text) {
  return "data: " + to_utf8({{std::string(key), std::string(text)}}) + "\n\n";
}

std::string encode_error(std::string_view message) { return to_utf8({{"error", std::string(message)}}); }

}  // namespace epicrisis::api
