#include <fmt/format.h>

#include <set>
#include <utility>

#include "api/sagemaker/artifact_cache.hpp"
#include "api/sagemaker/control_context.hpp"
#include "api/sagemaker/list_request.hpp"
#include "api/sagemaker/metric_patterns.hpp"
#include "api/sagemaker/request_reader.hpp"
#include "api/sagemaker/training_service.hpp"

namespace epicrisis::api {
namespace {

using storage::Resource;

Error invalid(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message), ""}; }

Result<void> read_algorithm(const RequestReader& reader) {
  const RequestReader algorithm = reader.required_object("AlgorithmSpecification");
  if (!reader.has("AlgorithmSpecification")) return {};
  if (!algorithm.has("TrainingImage") && !algorithm.has("AlgorithmName")) {
    return invalid("AlgorithmSpecification must name a TrainingImage.");
  }
  algorithm.text("TrainingImage", {0, 255});
  algorithm.required_text("TrainingInputMode");
  const auto mode = algorithm.one_of("TrainingInputMode", {"File", "FastFile", "Pipe"});
  if (mode == "Pipe") return invalid("TrainingInputMode Pipe is not supported; use File or FastFile.");
  MetricPatterns patterns;
  for (const RequestReader& metric : algorithm.objects("MetricDefinitions", 40)) {
    const std::string name = metric.required_text("Name", {1, 255});
    const std::string regex = metric.required_text("Regex", {1, 500});
    EPICRISIS_RETURN_IF_ERROR(patterns.add(name, regex));
  }
  return {};
}

Result<void> read_channel(const RequestReader& channel, std::set<std::string>& names) {
  const std::string name = channel.required_text(
      "ChannelName", {1, 64, R"([A-Za-z0-9\.\-_]+)", [](std::string_view text) {
                        return text != "." && text != ".." &&
                               text.find_first_not_of(
                                   "abcdefghijklmnopqrstuvwxyz"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == std::string_view::npos;
                      }});
  if (!names.insert(name).second)
    return invalid("Each channel of InputDataConfig must have a ChannelName of its own.");
  const RequestReader source = channel.required_object("DataSource").required_object("S3DataSource");
  source.required_text("S3Uri", kUriRule);
  if (source.one_of("S3DataType", {"S3Prefix", "ManifestFile", "AugmentedManifestFile"})
          .value_or("S3Prefix") != "S3Prefix") {
    return invalid("S3DataType must be S3Prefix: manifests are not supported.");
  }
  source.one_of("S3DataDistributionType", {"FullyReplicated", "ShardedByS3Key"});
  if (channel.text("CompressionType").value_or("None") != "None")
    return invalid("CompressionType must be None.");
  if (channel.text("RecordWrapperType").value_or("None") != "None")
    return invalid("RecordWrapperType must be None.");
  if (channel.one_of("InputMode", {"File", "FastFile", "Pipe"}).value_or("File") == "Pipe") {
    return invalid("InputMode Pipe is not supported; use File or FastFile.");
  }
  return {};
}

Result<void> read_resources(const RequestReader& reader) {
  const RequestReader resources = reader.required_object("ResourceConfig");
  if (reader.has("ResourceConfig")) {
    resources.text("InstanceType", {1, 128});
    resources.integer("VolumeSizeInGB", 1, 1'000'000);
    if (resources.integer("InstanceCount", 0, 1'000'000).value_or(1) > 1) {
      return invalid("InstanceCount must be 1: a job trains on this machine alone.");
    }
  }
  const RequestReader stopping = reader.required_object("StoppingCondition");
  if (reader.has("StoppingCondition")) stopping.integer("MaxRuntimeInSeconds", 1, 2'419'200);
  if (reader.has("CheckpointConfig")) {
    return invalid("CheckpointConfig is not supported: checkpoints are kept by the server while a job runs.");
  }
  return {};
}

/// What Describe must have, whatever was sent.
void add_defaults(Json& job) {
  job["AlgorithmSpecification"].emplace("TrainingImage", "");
  job["OutputDataConfig"].emplace("KmsKeyId", "");
  job["ResourceConfig"].emplace("InstanceType", "ml.m5.xlarge");
  job["ResourceConfig"].emplace("InstanceCount", 1);
  job["ResourceConfig"].emplace("VolumeSizeInGB", 1);
  job["StoppingCondition"].emplace("MaxRuntimeInSeconds", 86400);
  job.emplace("EnableNetworkIsolation", false);
  job.emplace("EnableInterContainerTrafficEncryption", false);
  job.emplace("EnableManagedSpotTraining", false);
}

Result<Json> create_training_job(const ControlCall& call) {
  const RequestReader reader(call.request);
  const std::string name = reader.required_text("TrainingJobName", kNameRule);
  reader.required_text("RoleArn", kRoleArnRule);
  EPICRISIS_RETURN_IF_ERROR(read_algorithm(reader));
  reader.text_map("HyperParameters", 2500);
  reader.text_map("Environment", 512);
  std::set<std::string> channels;
  for (const RequestReader& channel : reader.objects("InputDataConfig", 20)) {
    EPICRISIS_RETURN_IF_ERROR(read_channel(channel, channels));
  }
  const RequestReader output = reader.required_object("OutputDataConfig");
  std::string path;
  if (reader.has("OutputDataConfig")) path = output.required_text("S3OutputPath", kUriRule);
  EPICRISIS_RETURN_IF_ERROR(read_resources(reader));
  const auto tags = read_tags(reader);
  EPICRISIS_RETURN_IF_ERROR(reader.check());
  if (!parse_s3_prefix(path)) return invalid("S3OutputPath must be an s3:// URI.");

  Json job = call.request;
  job.erase("Tags");
  add_defaults(job);
  const std::string arn = call.scope.arn(kind::kTrainingJob, name);
  job["TrainingJobArn"] = arn;
  const Result<void> created = call.context.training.create(name, std::move(job), tags);
  if (!created && created.error().code == ErrorCode::kConflict) {
    return Error{ErrorCode::kConflict,
                 "Training job names must be unique within an AWS account and region, and a training job "
                 "with this name already exists (" +
                     arn + ")",
                 ""};
  }
  if (!created) return created.error();
  return Json{{"TrainingJobArn", arn}};
}

Result<Resource> named_job(const ControlCall& call) {
  const RequestReader reader(call.request);
  const std::string name = reader.required_text("TrainingJobName", kNameRule);
  EPICRISIS_RETURN_IF_ERROR(reader.check());
  EPICRISIS_ASSIGN_OR_RETURN(auto job, call.context.resources.find(kind::kTrainingJob, name));
  if (!job) return Error{ErrorCode::kNotFound, "Requested resource not found.", ""};
  return std::move(*job);
}

Result<Json> describe_training_job(const ControlCall& call) {
  EPICRISIS_ASSIGN_OR_RETURN(const Resource job, named_job(call));
  Json answer = job.document;
  answer.erase("LogStream");
  answer["TrainingJobStatus"] = job.status;
  answer["CreationTime"] = seconds_of(job.created_us);
  answer["LastModifiedTime"] = seconds_of(job.modified_us);
  return answer;
}

Result<Json> stop_training_job(const ControlCall& call) {
  EPICRISIS_ASSIGN_OR_RETURN(const Resource job, named_job(call));
  EPICRISIS_RETURN_IF_ERROR(call.context.training.stop(job));
  return Json();
}

Json summary_of(const Resource& job) {
  Json summary = {{"TrainingJobName", job.name},
                  {"TrainingJobArn", job.document.value("TrainingJobArn", "")},
                  {"CreationTime", seconds_of(job.created_us)},
                  {"LastModifiedTime", seconds_of(job.modified_us)},
                  {"TrainingJobStatus", job.status}};
  if (job.document.contains("TrainingEndTime")) summary["TrainingEndTime"] = job.document["TrainingEndTime"];
  return summary;
}

Result<Json> list_training_jobs(const ControlCall& call) {
  const ListForm form = {kind::kTrainingJob,
                         "TrainingJobSummaries",
                         {"InProgress", "Completed", "Failed", "Stopping", "Stopped"},
                         true,
                         summary_of};
  return list_resources(call.context.resources, form, call.request);
}

}  // namespace

Operations training_job_operations() {
  return {{"CreateTrainingJob", create_training_job},
          {"DescribeTrainingJob", describe_training_job},
          {"StopTrainingJob", stop_training_job},
          {"ListTrainingJobs", list_training_jobs}};
}

}  // namespace epicrisis::api
