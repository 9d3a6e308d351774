#include "checkpoint/detail/gzip_reader.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/files.hpp"

namespace epicrisis::detail {

/// A z_stream over a mapped file. Errors of the file system are met when it is opened.
struct GzipReader::State {
  State(MappedFile mapped, std::string file_name) : file(std::move(mapped)), name(std::move(file_name)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (started) inflateEnd(&stream);
  }

  Error corrupt(std::string detail) const {
    return {ErrorCode::kCorrupt, fmt::format("'{}' is damaged or is no gzip file.", name), std::move(detail)};
  }

  MappedFile file;
  std::string name;
  z_stream stream{};
  bool started = false;
  bool finished = false;
  std::size_t consumed = 0;  ///< Bytes of the file given to zlib and used.
  std::uint64_t produced = 0;
  std::uint64_t limit = UINT64_MAX;
};

GzipReader::GzipReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
GzipReader::GzipReader(GzipReader&&) noexcept = default;
GzipReader& GzipReader::operator=(GzipReader&&) noexcept = default;
GzipReader::~GzipReader() = default;

Result<GzipReader> GzipReader::open(const std::filesystem::path& path) {
  EPICRISIS_ASSIGN_OR_RETURN(MappedFile file, MappedFile::open(path));
  auto state = std::make_unique<State>(std::move(file), path.string());
  constexpr int kGzipOnly = 16;
  if (inflateInit2(&state->stream, MAX_WBITS + kGzipOnly) != Z_OK) {
    return Error{ErrorCode::kResourceExhausted, "Not enough memory to unpack an archive.", ""};
  }
  state->started = true;
  return GzipReader(std::move(state));
}

Result<std::size_t> GzipReader::read(std::span<std::byte> out) {
  State& s = *state_;
  constexpr std::size_t kMaxPiece = 1U << 30;  // zlib counts in unsigned int
  std::size_t filled = 0;
  while (filled < out.size() && !s.finished) {
    const std::span<const std::byte> rest = s.file.bytes().subspan(s.consumed);
    const std::size_t offered = std::min(rest.size(), kMaxPiece);
    const std::size_t room = std::min(out.size() - filled, kMaxPiece);
    // zlib's interface predates const; it does not write to its input.
    s.stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(rest.data()));
    s.stream.avail_in = static_cast<uInt>(offered);
    s.stream.next_out = reinterpret_cast<Bytef*>(out.data() + filled);
    s.stream.avail_out = static_cast<uInt>(room);
    const int status = inflate(&s.stream, Z_NO_FLUSH);
    s.consumed += offered - s.stream.avail_in;
    filled += room - s.stream.avail_out;
    if (status == Z_STREAM_END) {
      // Members may follow each other (RFC 1952, section 2.2); tape-minded writers pad with zeros.
      const auto tail = s.file.bytes().subspan(s.consumed);
      s.finished = std::all_of(tail.begin(), tail.end(), [](std::byte b) { return b == std::byte{0}; });
      if (!s.finished && inflateReset(&s.stream) != Z_OK) return s.corrupt("zlib cannot go on");
    } else if (status != Z_OK) {
      const char* const reason = s.stream.msg != nullptr ? s.stream.msg : "it ends too early";
      return s.corrupt(fmt::format("near byte {}: {}", s.consumed, reason));
    }
  }
  s.produced += filled;
  if (s.produced > s.limit) {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("'{}' unpacks to more than it may; it looks like an archive bomb.", s.name),
                 fmt::format("{} bytes unpack to more than {}", s.file.bytes().size(), s.limit)};
  }
  return filled;
}

void GzipReader::set_limit(std::uint64_t max_bytes) noexcept { state_->limit = max_bytes; }

std::uint64_t GzipReader::compressed_bytes() const noexcept { return state_->file.bytes().size(); }

}  // namespace epicrisis::detail
