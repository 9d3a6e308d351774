#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>

#include "api/aws/uri.hpp"
#include "base/json.hpp"
#include "server/handler.hpp"
#include "storage/keys/key_store.hpp"

namespace epicrisis::api::aws {

enum class Service { kS3, kSageMaker, kRuntime, kLogs, kSts, kIam };

/// How errors look on the wire.
enum class Protocol { kS3, kJson, kRuntime, kQuery };

/// What an operation does, as far as roles are concerned.
enum class Access {
  kIdentity,  ///< Tells the caller who it is.
  kRead,      ///< Looks at resources: describe, list, logs.
  kData,      ///< Reads or writes objects, which may hold notes.
  kWrite,     ///< Creates, changes or deletes resources.
  kInvoke,    ///< Has a model summarize.
};

/// Deny by default: docs/aws.md has the table.
bool is_allowed(storage::Role role, Access access) noexcept;

/// The name in credential scopes: "s3", "sagemaker", "logs", "sts", "iam".
std::string_view scope_name(Service service) noexcept;

struct Caller {
  std::string access_key_id;
  storage::Role role = storage::Role::kClinician;
};

/// What a handler knows of a request besides its input. Shared by all that work on one request.
struct Call {
  Service service = Service::kS3;
  Protocol protocol = Protocol::kS3;
  std::string operation;  ///< "CreateModel"; machine-made, so it may be logged.
  Caller caller;
  std::string region;      ///< Of the credential scope.
  std::string account_id;  ///< 12 digits.
  std::string request_id;
  std::string source_address;
  /// What the call is about, for the audit log: an ARN made of checked names, never free text. Set by the
  /// handler before it answers.
  std::string resource;
  std::string error_code;  ///< Of the answer; empty for success.

  /// "arn:aws:sagemaker:<region>:<account>:<kind>/<name>".
  std::string sagemaker_arn(std::string_view kind, std::string_view name) const;
};
using SharedCall = std::shared_ptr<Call>;

/// An error as AWS names it. The message never repeats what the client sent as free text.
struct Fault {
  int status = 400;
  std::string code;
  std::string message;
};

/// What an Error of a lower layer becomes in a JSON service when nothing better is known.
Fault fault_of(const Error& error);

/// The answer in the form of `call.protocol`; remembers the code in `call`. `resource`: S3's <Resource>.
server::Response fault_response(Call& call, const Fault& fault, std::string_view resource = {});

/// An operation of a JSON 1.1 service. It runs on a thread that may block. An object is the answer, null one
/// without body.
using JsonReply = std::variant<Json, Fault>;
using JsonOperation = std::function<JsonReply(const Json& input, Call& call)>;

/// An operation of a query service: parameters in, the content of <…Result> out, as XML.
using QueryReply = std::variant<std::string, Fault>;
using QueryOperation = std::function<QueryReply(const Parameters& input, Call& call)>;

/// Answers what is sent to /endpoints/<endpoint>/<action>, on an I/O thread: it starts work and returns.
/// `request` is whole, its signature was found right.
using RuntimeHandler =
    std::function<void(SharedCall call, std::string endpoint, std::string action, server::Request request,
                       std::stop_token stop, server::Responder responder)>;

/// A successful JSON answer.
server::Response json_response(const Json& body);

}  // namespace epicrisis::api::aws
