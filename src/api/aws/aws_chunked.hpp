#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace epicrisis::api::aws {

/// What the chunks of a signed body are checked with.
struct ChunkSigner {
  std::string key;        ///< signing_key().
  std::string timestamp;  ///< Of the request.
  std::string scope;      ///< CredentialScope::to_string().
  std::string previous;   ///< The request's own signature, then that of the chunk before.
};

/// Takes apart a body of the content encoding aws-chunked as it arrives: chunks with or without signatures,
/// with or without a trailer.
///
/// Bytes are handed on before the signature of their chunk is known to be right; what they become may be
/// shown to nobody until finish() has said so.
class ChunkedDecoder {
 public:
  using Take = std::function<Result<void>(std::string_view)>;

  /// Without `signer` chunks carry no signatures.
  ChunkedDecoder(std::optional<ChunkSigner> signer, bool has_trailer);

  /// Errors: kInvalidArgument for wrong framing, kPermissionDenied for a wrong signature, those of `take`.
  Result<void> feed(std::string_view bytes, const Take& take);
  /// Errors: kInvalidArgument when the end is missing.
  Result<void> finish() const;
  /// Names in lower case.
  const std::map<std::string, std::string>& trailer() const noexcept { return trailer_; }

 private:
  enum class State { kHeader, kData, kDataEnd, kTrailer, kDone };
  Result<void> take_line(std::string_view line);
  Result<void> begin_chunk(std::string_view line);
  Result<void> end_chunk();
  Result<void> take_trailer(std::string_view line);

  std::optional<ChunkSigner> signer_;
  const bool has_trailer_;
  State state_ = State::kHeader;
  std::string line_;
  std::uint64_t left_ = 0;  // bytes of this chunk still to come
  bool last_ = false;       // this chunk is the empty one
  std::string signature_;   // of this chunk as sent
  Digest hash_{DigestKind::kSha256};
  std::string signed_trailer_;
  std::map<std::string, std::string> trailer_;
};

}  // namespace epicrisis::api::aws
