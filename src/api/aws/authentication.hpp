#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>

#include "api/aws/aws_chunked.hpp"
#include "api/aws/call.hpp"
#include "api/aws/sigv4.hpp"

namespace epicrisis::api::aws {

/// How the body of an authenticated request is to be read and checked.
struct PayloadCheck {
  enum class Form {
    kHash,      ///< `sha256` is what the body must have.
    kUnsigned,  ///< Taken as it is.
    kChunked,   ///< aws-chunked.
  };
  Form form = Form::kUnsigned;
  std::string sha256;
  std::optional<ChunkSigner> signer;  ///< Of signed chunks.
  bool has_trailer = false;
};

struct Authenticated {
  Signature signature;
  Caller caller;
  PayloadCheck payload;
  std::string key;               ///< signing_key(), to verify with once the body is there.
  bool needs_body_hash = false;  ///< The head names no hash, so the signature is not verified yet.
};

/// Everything that can be checked before the body is read.
std::variant<Authenticated, SignatureFault> authenticate(const RequestView& request,
                                                         const storage::KeyStore& keys,
                                                         std::chrono::system_clock::time_point now);

/// Whether the body that came is the one that was signed; for requests whose body is read whole.
std::optional<SignatureFault> check_body(const RequestView& request, const Authenticated& who,
                                         std::string_view body);

/// The answer to a fault, as the protocol names it (docs/aws.md).
Fault fault_of(SignatureFault fault, Protocol protocol);

}  // namespace epicrisis::api::aws
