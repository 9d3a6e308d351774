#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace epicrisis::data {

/// An object of a store that speaks the S3 protocol.
struct ObjectName {
  std::string bucket;
  std::string key;
};

/// Brings an object onto this machine. Returns the file, which is called as the last part of the key is, so
/// that its ending tells the format.
using ObjectFetcher = std::function<Result<std::filesystem::path>(const ObjectName&)>;

/// The local file that `location` names: a path, a file:// URI (RFC 8089: no host but localhost,
/// percent-encoding undone), or an s3://bucket/key URI, which `fetch` brings here. Whether there is such a
/// file is not checked. Errors: kInvalidArgument for a URI that is malformed or of another scheme,
/// kUnsupported for s3:// without `fetch`, and those of `fetch`.
Result<std::filesystem::path> local_file(std::string_view location, const ObjectFetcher& fetch = {});

}  // namespace epicrisis::data
