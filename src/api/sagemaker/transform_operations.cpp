#include <fmt/format.h>

#include <utility>

#include "api/sagemaker/control_context.hpp"
#include "api/sagemaker/endpoint_service.hpp"
#include "api/sagemaker/list_request.hpp"
#include "api/sagemaker/request_reader.hpp"
#include "api/sagemaker/transform_plan.hpp"
#include "api/sagemaker/transform_service.hpp"

namespace epicrisis::api {
namespace {

using storage::Resource;

Error invalid(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message), ""}; }

Result<void> read_input(const RequestReader& input) {
  const RequestReader source = input.required_object("DataSource").required_object("S3DataSource");
  source.required_text("S3Uri", kUriRule);
  source.required_text("S3DataType");
  if (source.one_of("S3DataType", {"S3Prefix", "ManifestFile", "AugmentedManifestFile"})
          .value_or("S3Prefix") != "S3Prefix") {
    return invalid("S3DataType must be S3Prefix: manifests are not supported.");
  }
  input.text("ContentType", {0, 256});
  const auto split = input.one_of("SplitType", {"None", "Line", "RecordIO", "TFRecord"}).value_or("None");
  if (split != "None" && split != "Line") return invalid("SplitType must be None or Line.");
  if (input.one_of("CompressionType", {"None", "Gzip"}).value_or("None") != "None") {
    return invalid("CompressionType must be None: unpack the input first.");
  }
  return {};
}

Result<void> read_job(const RequestReader& reader) {
  const RequestReader input = reader.required_object("TransformInput");
  if (reader.has("TransformInput")) EPICRISIS_RETURN_IF_ERROR(read_input(input));
  const RequestReader output = reader.required_object("TransformOutput");
  if (reader.has("TransformOutput")) {
    output.required_text("S3OutputPath", kUriRule);
    output.text("Accept", {0, 256});
    output.one_of("AssembleWith", {"None", "Line"});
  }
  const RequestReader resources = reader.required_object("TransformResources");
  if (reader.has("TransformResources")) {
    resources.required_text("InstanceType", {1, 128});
    resources.required_integer("InstanceCount", 1, 1'000'000);
  }
  reader.one_of("BatchStrategy", {"MultiRecord", "SingleRecord"});
  reader.integer("MaxPayloadInMB", 0, 100);
  reader.integer("MaxConcurrentTransforms", 0, 1'000'000);
  reader.text_map("Environment", 10240);
  if (const auto client = reader.object("ModelClientConfig")) {
    client->integer("InvocationsTimeoutInSeconds", 1, 3600);
    client->integer("InvocationsMaxRetries", 0, 3);
  }
  if (const auto processing = reader.object("DataProcessing")) {
    processing->text("InputFilter", {0, 63});
    processing->text("OutputFilter", {0, 63});
    processing->one_of("JoinSource", {"None", "Input"});
  }
  return {};
}

/// What Describe must have, whatever was sent.
void add_defaults(Json& job) {
  job["TransformInput"].emplace("SplitType", "None");
  job["TransformInput"].emplace("CompressionType", "None");
  job["TransformOutput"].emplace("AssembleWith", "None");
  job["TransformOutput"].emplace("KmsKeyId", "");
  job.emplace("MaxPayloadInMB", 6);
  job.emplace("MaxConcurrentTransforms", 0);
  job.emplace("BatchStrategy", "MultiRecord");
  job.emplace("DataProcessing", Json{{"InputFilter", "$"}, {"OutputFilter", "$"}, {"JoinSource", "None"}});
}

Result<Json> create_transform_job(const ControlCall& call) {
  const RequestReader reader(call.request);
  const std::string name = reader.required_text("TransformJobName", kNameRule);
  const std::string model_name = reader.required_text("ModelName", kNameRule);
  EPICRISIS_RETURN_IF_ERROR(read_job(reader));
  const auto tags = read_tags(reader);
  EPICRISIS_RETURN_IF_ERROR(reader.check());
  Json job = call.request;
  job.erase("Tags");
  add_defaults(job);
  EPICRISIS_RETURN_IF_ERROR(read_transform_plan(job));
  EPICRISIS_ASSIGN_OR_RETURN(const Resource model, find_resource(call, kind::kModel, "model", model_name));
  job["Container"] = container_of_model(model.document);
  const std::string arn = call.scope.arn(kind::kTransformJob, name);
  job["TransformJobArn"] = arn;
  const Result<void> created = call.context.transforms.create(name, std::move(job), tags);
  if (!created && created.error().code == ErrorCode::kConflict) {
    return Error{ErrorCode::kConflict,
                 "Job name must be unique within an AWS account and region, and a job with this name "
                 "already exists (" +
                     arn + ")",
                 ""};
  }
  if (!created) return created.error();
  return Json{{"TransformJobArn", arn}};
}

Result<Resource> named_job(const ControlCall& call) {
  const RequestReader reader(call.request);
  const std::string name = reader.required_text("TransformJobName", kNameRule);
  EPICRISIS_RETURN_IF_ERROR(reader.check());
  EPICRISIS_ASSIGN_OR_RETURN(auto job, call.context.resources.find(kind::kTransformJob, name));
  if (!job) return Error{ErrorCode::kNotFound, "Requested resource not found.", ""};
  return std::move(*job);
}

Result<Json> describe_transform_job(const ControlCall& call) {
  EPICRISIS_ASSIGN_OR_RETURN(const Resource job, named_job(call));
  Json answer = job.document;
  for (const char* own : {"LogStream", "Container", "Artifact", "Progress"}) answer.erase(own);
  if (const auto progress = job.document.find("Progress"); progress != job.document.end()) {
    answer["Progress"] = members_of(*progress, {"ObjectsDone", "ObjectsFailed", "RecordsDone"});
  }
  answer["TransformJobStatus"] = job.status;
  answer["CreationTime"] = seconds_of(job.created_us);
  return answer;
}

Result<Json> stop_transform_job(const ControlCall& call) {
  EPICRISIS_ASSIGN_OR_RETURN(const Resource job, named_job(call));
  EPICRISIS_RETURN_IF_ERROR(call.context.transforms.stop(job));
  return Json();
}

Json summary_of(const Resource& job) {
  Json summary = {{"TransformJobName", job.name},
                  {"TransformJobArn", job.document.value("TransformJobArn", "")},
                  {"CreationTime", seconds_of(job.created_us)},
                  {"LastModifiedTime", seconds_of(job.modified_us)},
                  {"TransformJobStatus", job.status}};
  for (const char* member : {"TransformEndTime", "FailureReason"}) {
    if (job.document.contains(member)) summary[member] = job.document[member];
  }
  return summary;
}

Result<Json> list_transform_jobs(const ControlCall& call) {
  const ListForm form = {kind::kTransformJob,
                         "TransformJobSummaries",
                         {"InProgress", "Completed", "Failed", "Stopping", "Stopped"},
                         false,
                         summary_of};
  return list_resources(call.context.resources, form, call.request);
}

}  // namespace

Operations transform_job_operations() {
  return {{"CreateTransformJob", create_transform_job},
          {"DescribeTransformJob", describe_transform_job},
          {"StopTransformJob", stop_transform_job},
          {"ListTransformJobs", list_transform_jobs}};
}

}  // namespace epicrisis::api
