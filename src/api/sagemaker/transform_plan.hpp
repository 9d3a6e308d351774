#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "api/sagemaker/artifact_cache.hpp"
#include "api/sagemaker/json_path.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace epicrisis::api {

/// What a batch transform job does with its input, read from a CreateTransformJob request.
struct TransformPlan {
  /// How an object becomes requests. Lines of JSON are a request each, whatever BatchStrategy says: the
  /// worker computes those that wait together. A CSV's first line is its header and goes with each request.
  enum class Split { kWhole, kJsonLines, kCsvLines, kOtherLines };

  S3Location input;    ///< A prefix of keys, or one key.
  std::string output;  ///< "s3://bucket/folder", without a last '/'.
  std::string content_type = "application/json";
  std::string accept;
  Split split = Split::kWhole;
  bool many_lines = false;  ///< MultiRecord.
  bool assemble_lines = false;
  std::uint64_t max_payload_bytes = 6U << 20;
  std::size_t at_once = 8;
  std::chrono::seconds timeout{600};
  std::optional<JsonPath> input_filter;
  std::optional<JsonPath> output_filter;
  bool joins_input = false;

  /// Where the results of the object `key` go.
  Result<S3Location> output_of(const std::string& key) const;
  /// Whether records are looked into, which JSON allows.
  bool reads_records() const noexcept { return joins_input || input_filter || output_filter; }
};

/// Errors: kInvalidArgument for what does not go together or is not supported.
Result<TransformPlan> read_transform_plan(const Json& job);

/// A record as the model gets it. Errors: kInvalidArgument when it is no JSON or the filter finds nothing;
/// they never repeat text.
Result<std::string> transform_request(const TransformPlan& plan, const std::string& record);
/// What is written for a record that the model answered with `answer`.
Result<std::string> transform_result(const TransformPlan& plan, const std::string& record,
                                     const std::string& answer);

}  // namespace epicrisis::api
