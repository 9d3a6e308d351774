#include "api/s3/upload.hpp"

#include <atomic>
#include <utility>

#include "api/s3/payload_checks.hpp"

namespace epicrisis::api::s3 {
namespace {

using server::Response;
using server::Route;

/// Room for the framing of aws-chunked over the largest object.
constexpr std::uint64_t kFramingBytes = 256U << 20;

/// One body on its way to the store. Its pieces come one after the other, on threads of the blocking pool.
class Upload final : public server::BodySink, public std::enable_shared_from_this<Upload> {
 public:
  Upload(std::shared_ptr<Exchange> exchange, const aws::PayloadCheck& payload)
      : exchange_(std::move(exchange)), checks_(*exchange_, payload) {}

  void take(std::string bytes, Done done) override {
    auto work = [self = shared_from_this(), bytes = std::move(bytes), done] { done(self->consume(bytes)); };
    if (exchange_->blocking.try_submit(std::move(work))) return;
    fault_ = busy();
    done(false);
  }

  Response finish() {
    if (!fault_) open();
    if (fault_) return std::move(*fault_);
    const std::string md5 = writer_->finish();
    if (auto wrong = checks_.finish(md5)) return std::move(*wrong);
    if (auto refused = check_conditions()) return std::move(*refused);
    storage::ObjectMetadata metadata = metadata_of(exchange_->request);
    for (const auto& [name, value] : checks_.checksums()) metadata.fields[name] = value;
    const Result<storage::ObjectInfo> stored = writer_->commit(std::move(metadata));
    if (!stored)
      return upload_ && stored.error().code == ErrorCode::kNotFound ? no_such_upload(*exchange_)
                                                                    : exchange_->fault(stored.error());
    Response response;
    response.headers.add("ETag", quoted_etag(stored->etag));
    for (const auto& [name, value] : checks_.checksums()) response.headers.add(name, value);
    return response;
  }

  Response busy() const { return exchange_->fault(503, "SlowDown", "Please reduce your request rate."); }

 private:
  bool consume(const std::string& bytes) {
    open();
    if (!fault_)
      fault_ = checks_.feed(bytes, [this](std::string_view piece) { return writer_->write(piece); });
    return !fault_;
  }

  /// Finds out whether there is anything to write to, once.
  void open() {
    if (writer_ || fault_) return;
    const Target& target = exchange_->target;
    Result<std::unique_ptr<storage::ObjectWriter>> writer =
        [&]() -> Result<std::unique_ptr<storage::ObjectWriter>> {
      if (!target.has("partNumber")) return exchange_->store.put(target.bucket, target.key);
      const std::optional<int> number = part_number(target);
      if (!number) {
        fault_ = exchange_->fault(400, "InvalidArgument",
                                  "Part number must be an integer between 1 and 10000, inclusive");
        return Error{ErrorCode::kInvalidArgument, "", ""};
      }
      EPICRISIS_ASSIGN_OR_RETURN(
          upload_, exchange_->store.find_upload(target.bucket, target.key, target.value("uploadId")));
      if (!upload_) {
        fault_ = no_such_upload(*exchange_);
        return Error{ErrorCode::kNotFound, "", ""};
      }
      return exchange_->store.put_part(*upload_, *number);
    }();
    if (writer) {
      writer_ = std::move(*writer);
    } else if (!fault_) {
      fault_ = exchange_->fault(writer.error());
    }
  }

  /// If-None-Match: * asks to create only.
  std::optional<Response> check_conditions() const {
    if (upload_ || exchange_->header("if-none-match") != "*") return std::nullopt;
    const auto there = exchange_->store.find(exchange_->target.bucket, exchange_->target.key);
    if (!there || !*there) return std::nullopt;
    return exchange_->fault(412, "PreconditionFailed",
                            "At least one of the pre-conditions you specified did not hold");
  }

  const std::shared_ptr<Exchange> exchange_;
  PayloadChecks checks_;
  std::optional<storage::UploadInfo> upload_;
  std::unique_ptr<storage::ObjectWriter> writer_;
  std::optional<Response> fault_;
};

}  // namespace

Route upload_route(const std::shared_ptr<Exchange>& exchange, const aws::PayloadCheck& payload,
                   std::uint64_t max_bytes) {
  auto upload = std::make_shared<Upload>(exchange, payload);
  Route route;
  route.max_body_bytes = max_bytes + (payload.form == aws::PayloadCheck::Form::kChunked ? kFramingBytes : 0);
  route.sink = upload;
  route.handler = [exchange, upload](const server::Request&, const std::stop_token&,
                                     const server::Responder& responder) {
    const bool taken =
        exchange->blocking.try_submit([upload, responder] { responder.send(upload->finish()); });
    if (!taken) responder.send(upload->busy());
  };
  return route;
}

std::optional<Response> check_whole_body(Exchange& exchange, const aws::PayloadCheck& payload) {
  PayloadChecks checks(exchange, payload);
  std::string body;
  const auto take = [&](std::string_view piece) -> Result<void> {
    body += piece;
    return {};
  };
  if (auto wrong = checks.feed(exchange.request.body.reveal(), take)) return wrong;
  if (auto wrong = checks.finish(to_hex(digest_of(DigestKind::kMd5, body)))) return wrong;
  exchange.request.body = ClinicalText(std::move(body));
  return std::nullopt;
}

}  // namespace epicrisis::api::s3
