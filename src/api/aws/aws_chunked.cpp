#include "api/aws/aws_chunked.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace epicrisis::api::aws {
namespace {

constexpr std::size_t kMaxLineBytes = 4096;
constexpr std::string_view kEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

Error bad_framing() { return {ErrorCode::kInvalidArgument, "The body is not framed as aws-chunked.", ""}; }
Error bad_signature() {
  return {ErrorCode::kPermissionDenied, "The signature of a chunk does not match.", ""};
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

bool accept(ChunkSigner& signer, std::string_view algorithm, std::string_view hashes, std::string_view sent) {
  const std::string text =
      fmt::format("{}\n{}\n{}\n{}\n{}", algorithm, signer.timestamp, signer.scope, signer.previous, hashes);
  std::string expected = to_hex(hmac_sha256(signer.key, text));
  if (!equal_in_constant_time(expected, sent)) return false;
  signer.previous = std::move(expected);
  return true;
}

}  // namespace

ChunkedDecoder::ChunkedDecoder(std::optional<ChunkSigner> signer, bool has_trailer)
    : signer_(std::move(signer)), has_trailer_(has_trailer) {}

Result<void> ChunkedDecoder::feed(std::string_view bytes, const Take& take) {
  while (!bytes.empty()) {
    if (state_ == State::kDone) return bad_framing();
    if (state_ == State::kData) {
      const std::string_view data = bytes.substr(0, std::min<std::uint64_t>(bytes.size(), left_));
      bytes.remove_prefix(data.size());
      left_ -= data.size();
      if (signer_) hash_.update(data);
      EPICRISIS_RETURN_IF_ERROR(take(data));
      if (left_ == 0) state_ = State::kDataEnd;
      continue;
    }
    const std::size_t end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (line_.size() > kMaxLineBytes) return bad_framing();
    if (end == std::string_view::npos) return {};
    bytes.remove_prefix(end + 1);
    if (line_.empty() || line_.back() != '\r') return bad_framing();
    line_.pop_back();
    EPICRISIS_RETURN_IF_ERROR(take_line(std::exchange(line_, {})));
  }
  return {};
}

Result<void> ChunkedDecoder::take_line(std::string_view line) {
  switch (state_) {
    case State::kHeader:
      return begin_chunk(line);
    case State::kDataEnd:
      return line.empty() ? end_chunk() : bad_framing();
    default:
      return take_trailer(line);
  }
}

Result<void> ChunkedDecoder::begin_chunk(std::string_view line) {
  constexpr std::string_view kSignature = ";chunk-signature=";
  const std::string_view size = line.substr(0, line.find(';'));
  const auto [end, failure] = std::from_chars(size.data(), size.data() + size.size(), left_, 16);
  if (size.empty() || failure != std::errc() || end != size.data() + size.size()) return bad_framing();
  if (signer_) {
    const std::size_t found = line.find(kSignature);
    if (found == std::string_view::npos) return bad_signature();
    signature_ = std::string(line.substr(found + kSignature.size()));
  }
  last_ = left_ == 0;
  state_ = State::kData;
  if (!last_) return {};
  // The empty chunk has no data and no line end of its own: a trailer or an empty line follows.
  return end_chunk();
}

Result<void> ChunkedDecoder::end_chunk() {
  if (signer_) {
    const std::string hashes = fmt::format("{}\n{}", kEmptyHash, to_hex(hash_.finish()));
    if (!accept(*signer_, "AWS4-HMAC-SHA256-PAYLOAD", hashes, signature_)) return bad_signature();
  }
  state_ = last_ ? State::kTrailer : State::kHeader;
  return {};
}

Result<void> ChunkedDecoder::take_trailer(std::string_view line) {
  if (line.empty()) {
    if (signer_ && has_trailer_ && !signed_trailer_.empty()) return bad_signature();
    state_ = State::kDone;
    return {};
  }
  const std::size_t colon = line.find(':');
  if (!has_trailer_ || colon == std::string_view::npos) return bad_framing();
  const std::string name = lower(line.substr(0, colon));
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (name == "x-amz-trailer-signature") {
    const std::string hash = to_hex(digest_of(DigestKind::kSha256, signed_trailer_));
    if (signer_ && !accept(*signer_, "AWS4-HMAC-SHA256-TRAILER", hash, value)) return bad_signature();
    signed_trailer_.clear();
    return {};
  }
  signed_trailer_ += fmt::format("{}:{}\n", name, value);
  trailer_[name] = std::string(value);
  return {};
}

Result<void> ChunkedDecoder::finish() const {
  if (state_ == State::kDone) return {};
  // Some clients leave out the empty line at the very end of a body whose length says where it ends.
  const bool at_end = state_ == State::kTrailer && line_.empty() && (!signer_ || signed_trailer_.empty());
  if (at_end) return {};
  return bad_framing();
}

}  // namespace epicrisis::api::aws
