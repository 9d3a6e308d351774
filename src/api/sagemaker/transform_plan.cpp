#include "api/sagemaker/transform_plan.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

namespace epicrisis::api {
namespace {

constexpr std::int64_t kMaxPayloadMegabytes = 100;
constexpr std::size_t kMaxAtOnce = 256;

Error invalid(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message), ""}; }

std::string media_type(std::string_view content_type) {
  std::string name(content_type.substr(0, content_type.find(';')));
  while (name.ends_with(' ')) name.pop_back();
  for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return name;
}

bool is_json(const std::string& type) {
  constexpr std::array<std::string_view, 4> kLines = {"application/jsonlines", "application/x-jsonlines",
                                                      "application/jsonl", "application/x-ndjson"};
  return type == "application/json" || std::find(kLines.begin(), kLines.end(), type) != kLines.end();
}

TransformPlan::Split split_of(const std::string& type, bool lines) {
  if (!lines) return TransformPlan::Split::kWhole;
  if (is_json(type)) return TransformPlan::Split::kJsonLines;
  if (type == "text/csv") return TransformPlan::Split::kCsvLines;
  return TransformPlan::Split::kOtherLines;
}

Result<std::optional<JsonPath>> filter_of(const Json& processing, const char* member) {
  const std::string text = processing.value(member, "$");
  if (text.empty()) return std::optional<JsonPath>();
  EPICRISIS_ASSIGN_OR_RETURN(JsonPath path, JsonPath::parse(text));
  if (path.is_whole()) return std::optional<JsonPath>();
  return std::optional<JsonPath>(std::move(path));
}

Result<OrderedJson> parse_record(const std::string& text, std::string_view what) {
  EPICRISIS_RETURN_IF_ERROR(parse_json(text, what));  // which bounds the depth
  return OrderedJson::parse(text);
}

std::string to_utf8(const OrderedJson& value) {
  return value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace

Result<TransformPlan> read_transform_plan(const Json& job) {
  TransformPlan plan;
  const Json& input = job.at("TransformInput");
  const Json& output = job.at("TransformOutput");
  const auto from = parse_s3_prefix(input.at("DataSource").at("S3DataSource").value("S3Uri", ""));
  if (!from) return invalid("TransformInput's S3Uri must be an s3:// URI.");
  plan.input = *from;
  plan.output = output.value("S3OutputPath", "");
  while (plan.output.ends_with('/')) plan.output.pop_back();
  if (!parse_s3_prefix(plan.output)) return invalid("S3OutputPath must be an s3:// URI.");
  plan.content_type = input.value("ContentType", plan.content_type);
  plan.accept = output.value("Accept", "");
  plan.assemble_lines = output.value("AssembleWith", "None") == "Line";
  const std::string type = media_type(plan.content_type);
  plan.split = split_of(type, input.value("SplitType", "None") == "Line");
  if (plan.split == TransformPlan::Split::kJsonLines) plan.content_type = "application/json";
  plan.many_lines = job.value("BatchStrategy", "MultiRecord") == "MultiRecord";
  if (const auto megabytes = job.value("MaxPayloadInMB", std::int64_t{6}); megabytes != 6) {
    plan.max_payload_bytes = static_cast<std::uint64_t>(megabytes == 0 ? kMaxPayloadMegabytes : megabytes)
                             << 20U;
  }
  if (const auto at_once = job.value("MaxConcurrentTransforms", std::size_t{0}); at_once > 0) {
    plan.at_once = std::min(at_once, kMaxAtOnce);
  }
  const Json client = job.value("ModelClientConfig", Json::object());
  plan.timeout = std::chrono::seconds(client.value("InvocationsTimeoutInSeconds", std::int64_t{600}));
  const Json processing = job.value("DataProcessing", Json::object());
  EPICRISIS_ASSIGN_OR_RETURN(plan.input_filter, filter_of(processing, "InputFilter"));
  EPICRISIS_ASSIGN_OR_RETURN(plan.output_filter, filter_of(processing, "OutputFilter"));
  plan.joins_input = processing.value("JoinSource", "None") == "Input";
  if (plan.reads_records() && !is_json(type)) {
    return invalid("DataProcessing needs a ContentType of JSON: columns of a CSV are not joined.");
  }
  return plan;
}

Result<S3Location> TransformPlan::output_of(const std::string& key) const {
  const std::size_t slash = input.key.rfind('/');
  const std::string name = slash == std::string::npos ? key : key.substr(slash + 1);
  const auto location = parse_s3_prefix(fmt::format("{}/{}.out", output, name));
  if (!location || location->key.size() > 1024) return invalid("The name of an output object is too long.");
  return *location;
}

Result<std::string> transform_request(const TransformPlan& plan, const std::string& record) {
  if (!plan.input_filter) return record;
  EPICRISIS_ASSIGN_OR_RETURN(const OrderedJson value, parse_record(record, "The record"));
  const auto selected = plan.input_filter->select(value);
  if (!selected) return invalid("InputFilter finds nothing in the record.");
  return to_utf8(*selected);
}

Result<std::string> transform_result(const TransformPlan& plan, const std::string& record,
                                     const std::string& answer) {
  if (!plan.joins_input && !plan.output_filter) return answer;
  EPICRISIS_ASSIGN_OR_RETURN(OrderedJson result, parse_record(answer, "The model's answer"));
  if (plan.joins_input) {
    EPICRISIS_ASSIGN_OR_RETURN(OrderedJson joined, parse_record(record, "The record"));
    if (!joined.is_object()) joined = OrderedJson{{"SageMakerInput", std::move(joined)}};
    joined["SageMakerOutput"] = std::move(result);
    result = std::move(joined);
  }
  if (plan.output_filter) {
    auto selected = plan.output_filter->select(result);
    if (!selected) return invalid("OutputFilter finds nothing in the result.");
    result = std::move(*selected);
  }
  return to_utf8(result);
}

}  // namespace epicrisis::api
