#pragma once

#include <filesystem>
#include <string>

#include "base/json.hpp"
#include "base/result.hpp"

namespace epicrisis {

/// Where the server of a data folder listens, as DIR/server.json says.
struct RunningServer {
  std::string url;          ///< "https://127.0.0.1:8443".
  std::string certificate;  ///< With TLS: the server's own, PEM.
};

Result<void> announce_server(const std::filesystem::path& data, const RunningServer& server);
/// Errors: kNotFound when no server told where it is.
Result<RunningServer> find_server(const std::filesystem::path& data);

/// Calls an operation of the server that uses `data`, as an administrator: makes an access key, which the
/// right to write the folder allows, and ends it afterwards. Errors: kUnavailable when the server does not
/// answer, kInvalidArgument with what it says.
Result<Json> call_server(const std::filesystem::path& data, const std::string& target, const Json& request);

}  // namespace epicrisis
