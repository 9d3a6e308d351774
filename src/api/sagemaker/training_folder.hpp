#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/json.hpp"
#include "base/result.hpp"

namespace epicrisis::storage {
class ObjectStore;
}

namespace epicrisis::api {

/// The folder of one training job, laid out as /opt/ml is in a container:
/// input/config/{hyperparameters,inputdataconfig,resourceconfig}.json, input/data/<channel>/, model/,
/// output/data/, output/failure, checkpoints/.
class TrainingFolder {
 public:
  explicit TrainingFolder(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const noexcept { return root_; }
  /// Makes the folders and writes the configuration of `job`, a CreateTrainingJob request.
  Result<void> write_configuration(const Json& job) const;
  /// Fetches the objects of every channel, unless that was done before. `cancelled` is asked between objects.
  /// Errors: kNotFound naming the URI that has none; kCorrupt for a key that leads out of the folder.
  Result<void> fetch_channels(const Json& job, const storage::ObjectStore& objects,
                              const std::function<bool()>& cancelled) const;
  /// Packs model/ into `<output>/model.tar.gz`, and output/data/ into output.tar.gz where it holds something.
  /// `output` is "s3://…/<job>/output".
  Result<void> upload_artifacts(const std::string& output, storage::ObjectStore& objects) const;
  /// The first 1024 characters of output/failure; empty when there is none.
  std::string failure() const;

 private:
  Result<void> fetch_channel(const Json& channel, const storage::ObjectStore& objects,
                             const std::function<bool()>& cancelled) const;
  std::filesystem::path root_;
};

/// Where the objects of an S3DataSource lie relative to the last '/' of its URI: a path below the folder.
/// Errors: kCorrupt for one that would leave it.
Result<std::filesystem::path> relative_path(const std::string& key, const std::string& prefix);

}  // namespace epicrisis::api
