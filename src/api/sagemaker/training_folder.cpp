#include "api/sagemaker/training_folder.hpp"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <utility>
#include <vector>

#include "api/sagemaker/artifact_cache.hpp"
#include "base/files.hpp"
#include "base/folders.hpp"
#include "checkpoint/archive.hpp"
#include "storage/artifacts/object_store.hpp"

namespace epicrisis::api {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxReasonBytes = 1024;
constexpr const char* kFetchedMark = "fetched";

Json channel_configuration(const Json& channel, const std::string& mode) {
  const Json source = channel.value("DataSource", Json::object()).value("S3DataSource", Json::object());
  Json configuration = {{"TrainingInputMode", channel.value("InputMode", mode)},
                        {"S3DistributionType", source.value("S3DataDistributionType", "FullyReplicated")},
                        {"RecordWrapperType", channel.value("RecordWrapperType", "None")}};
  if (channel.contains("ContentType")) configuration["ContentType"] = channel["ContentType"];
  return configuration;
}

Json resource_configuration(const Json& job) {
  const std::string type = job.at("ResourceConfig").value("InstanceType", "");
  return {{"current_host", "algo-1"},
          {"current_instance_type", type},
          {"current_group_name", "homogeneousCluster"},
          {"hosts", {"algo-1"}},
          {"instance_groups",
           {{{"instance_group_name", "homogeneousCluster"}, {"instance_type", type}, {"hosts", {"algo-1"}}}}},
          {"network_interface_name", "lo"}};
}

Result<void> pack(const fs::path& folder, const S3Location& target, storage::ObjectStore& objects) {
  EPICRISIS_ASSIGN_OR_RETURN(auto members, list_members(folder));
  EPICRISIS_ASSIGN_OR_RETURN(auto writer, objects.put(target.bucket, target.key));
  const ArchiveSink sink = [&writer](std::span<const std::byte> bytes) {
    return writer->write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  };
  EPICRISIS_RETURN_IF_ERROR(write_tar_gz(std::move(members), sink));
  writer->finish();
  storage::ObjectMetadata metadata;
  metadata.content_type = "application/x-tar";
  EPICRISIS_RETURN_IF_ERROR(writer->commit(std::move(metadata)));
  return {};
}

}  // namespace

Result<fs::path> relative_path(const std::string& key, const std::string& prefix) {
  const std::size_t slash = prefix.rfind('/');
  const fs::path relative(slash == std::string::npos ? key : key.substr(slash + 1));
  const Error hostile = {ErrorCode::kCorrupt,
                         "A key of the input is no path below its folder; rename the object.", ""};
  if (relative.empty() || relative.is_absolute() || key.find('\0') != std::string::npos) return hostile;
  for (const fs::path& part : relative) {
    if (part == ".." || part == "." || part.string().size() > 255) return hostile;
  }
  return relative;
}

Result<void> TrainingFolder::write_configuration(const Json& job) const {
  std::error_code failure;
  for (const char* folder : {"input/config", "input/data", "model", "output/data", "checkpoints"}) {
    fs::create_directories(root_ / folder, failure);
    if (failure) return system_error(failure.value(), "create", root_ / folder);
  }
  Json channels = Json::object();
  const std::string mode = job.at("AlgorithmSpecification").value("TrainingInputMode", "File");
  for (const Json& channel : job.value("InputDataConfig", Json::array())) {
    channels[channel.at("ChannelName").get<std::string>()] = channel_configuration(channel, mode);
  }
  const fs::path folder = root_ / "input/config";
  EPICRISIS_RETURN_IF_ERROR(write_file_atomically(folder / "hyperparameters.json",
                                                  job.value("HyperParameters", Json::object()).dump()));
  EPICRISIS_RETURN_IF_ERROR(write_file_atomically(folder / "inputdataconfig.json", channels.dump()));
  return write_file_atomically(folder / "resourceconfig.json", resource_configuration(job).dump());
}

Result<void> TrainingFolder::fetch_channels(const Json& job, const storage::ObjectStore& objects,
                                            const std::function<bool()>& cancelled) const {
  if (is_there(root_ / kFetchedMark)) return {};
  for (const Json& channel : job.value("InputDataConfig", Json::array())) {
    EPICRISIS_RETURN_IF_ERROR(fetch_channel(channel, objects, cancelled));
  }
  return write_file_atomically(root_ / kFetchedMark, "");
}

Result<void> TrainingFolder::fetch_channel(const Json& channel, const storage::ObjectStore& objects,
                                           const std::function<bool()>& cancelled) const {
  const std::string uri = channel.at("DataSource").at("S3DataSource").at("S3Uri").get<std::string>();
  const std::string name = channel.at("ChannelName").get<std::string>();
  const Error nothing = {
      ErrorCode::kNotFound,
      fmt::format("No S3 objects found under S3 URL \"{}\" given in input data source of channel {}.", uri,
                  name),
      ""};
  const auto location = parse_s3_prefix(uri);
  if (!location) return nothing;
  const std::string& prefix = location->key;
  storage::ListQuery query;
  query.prefix = prefix;
  std::size_t fetched = 0;
  while (true) {
    Result<storage::Listing> page = objects.list(location->bucket, query);
    if (!page && page.error().code == ErrorCode::kNotFound) return nothing;
    if (!page) return std::move(page).error();
    for (const storage::ObjectInfo& object : page->objects) {
      if (cancelled()) return Error{ErrorCode::kCancelled, "The job was stopped.", ""};
      if (object.key.ends_with('/')) continue;  // a console's mark for an empty folder
      EPICRISIS_ASSIGN_OR_RETURN(const fs::path relative, relative_path(object.key, prefix));
      const fs::path target = root_ / "input/data" / name / relative;
      std::error_code failure;
      fs::create_directories(target.parent_path(), failure);
      if (failure) return system_error(failure.value(), "create", target.parent_path());
      EPICRISIS_RETURN_IF_ERROR(download(objects, {location->bucket, object.key}, target));
      ++fetched;
    }
    if (!page->is_truncated) break;
    query.after = page->last;
  }
  if (fetched == 0) return nothing;
  return {};
}

Result<void> TrainingFolder::upload_artifacts(const std::string& output,
                                              storage::ObjectStore& objects) const {
  const auto model = parse_s3_url(output + "/model.tar.gz");
  const auto data = parse_s3_url(output + "/output.tar.gz");
  if (!model || !data) return Error{ErrorCode::kInvalidArgument, "S3OutputPath must be an s3:// URI.", ""};
  std::error_code ignored;
  if (!fs::is_empty(root_ / "output/data", ignored)) {
    EPICRISIS_RETURN_IF_ERROR(pack(root_ / "output/data", *data, objects));
  }
  return pack(root_ / "model", *model, objects);
}

std::string TrainingFolder::failure() const {
  std::ifstream file(root_ / "output/failure");
  std::string text(kMaxReasonBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, file.gcount())));
  while (text.ends_with('\n') || text.ends_with(' ')) text.pop_back();
  return text;
}

}  // namespace epicrisis::api
