#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "api/aws/authentication.hpp"
#include "api/s3/exchange.hpp"

namespace epicrisis::api::s3 {

/// PutObject and UploadPart: the body goes to the store as it arrives, and is shown to nobody before every
/// check of it has passed.
server::Route upload_route(const std::shared_ptr<Exchange>& exchange, const aws::PayloadCheck& payload,
                           std::uint64_t max_bytes);

/// The same checks of a body that was read whole, which is unwrapped from aws-chunked. The answer when one
/// fails.
std::optional<server::Response> check_whole_body(Exchange& exchange, const aws::PayloadCheck& payload);

}  // namespace epicrisis::api::s3
