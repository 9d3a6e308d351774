#include "api/sagemaker/transform_run.hpp"

#include <fmt/format.h>

#include <chrono>
#include <future>
#include <thread>
#include <utility>

#include "api/sagemaker/part_file.hpp"
#include "storage/artifacts/object_store.hpp"

namespace epicrisis::api {

using Clock = std::chrono::steady_clock;
using Refusal = jobs::EndpointSupervisor::Refusal;

namespace {

constexpr std::chrono::seconds kCheckpointEvery{1};
constexpr std::uint64_t kCheckpointRecords = 128;
constexpr int kAttempts = 5;
constexpr std::chrono::milliseconds kPauseWhenBusy{200};

Error cancelled() { return {ErrorCode::kCancelled, "The job was stopped.", ""}; }

bool is_busy(const jobs::VariantReply& answer) {
  return answer.reply && (answer.reply->status == 429 || answer.reply->status == 503);
}

}  // namespace

Json TransformProgress::to_json() const {
  return {{"DoneUpTo", done_up_to},
          {"Object", object},
          {"ETag", etag},
          {"InputOffset", input_offset},
          {"OutputBytes", output_bytes},
          {"ObjectRecords", object_records},
          {"ObjectsDone", objects_done},
          {"ObjectsFailed", objects_failed},
          {"RecordsDone", records_done},
          {"Failure", failure}};
}

TransformProgress TransformProgress::of(const Json& json) {
  const auto number = [&json](const char* name) { return json.value(name, std::uint64_t{0}); };
  TransformProgress progress;
  progress.done_up_to = json.value("DoneUpTo", "");
  progress.object = json.value("Object", "");
  progress.etag = json.value("ETag", "");
  progress.input_offset = number("InputOffset");
  progress.output_bytes = number("OutputBytes");
  progress.object_records = number("ObjectRecords");
  progress.objects_done = number("ObjectsDone");
  progress.objects_failed = number("ObjectsFailed");
  progress.records_done = number("RecordsDone");
  progress.failure = json.value("Failure", "");
  return progress;
}

namespace {

/// What the worker said; its refusals never repeat text.
std::string refusal_of(const jobs::WorkerReply& reply) {
  const Json body = Json::parse(reply.body.reveal(), nullptr, false);
  const std::string said = body.is_object() ? body.value("error", "") : "";
  return fmt::format("the model answered with status {}{}{}", reply.status, said.empty() ? "" : ": ", said);
}

}  // namespace

/// A request under way and what came of it.
struct TransformRun::Pending {
  TransformBatch batch;
  std::string record;  ///< As it was read, when results are joined.
  std::shared_ptr<jobs::WorkerRequest> request;
  std::promise<std::pair<Refusal, jobs::VariantReply>> promise;
};

TransformRun::TransformRun(const TransformPlan& plan, storage::ObjectStore& objects,
                           jobs::EndpointSupervisor& supervisor, std::string endpoint,
                           std::filesystem::path part_file, TransformProgress progress, Checkpoint checkpoint,
                           std::stop_token stop)
    : plan_(plan),
      objects_(objects),
      supervisor_(supervisor),
      endpoint_(std::move(endpoint)),
      part_file_(std::move(part_file)),
      progress_(std::move(progress)),
      checkpoint_(std::move(checkpoint)),
      stop_(std::move(stop)) {}

TransformRun::~TransformRun() = default;

Result<void> TransformRun::run() {
  storage::ListQuery query;
  query.prefix = plan_.input.key;
  query.after = progress_.done_up_to;
  while (true) {
    Result<storage::Listing> page = objects_.list(plan_.input.bucket, query);
    if (!page && page.error().code != ErrorCode::kNotFound) return std::move(page).error();
    if (!page) break;
    for (const storage::ObjectInfo& object : page->objects) {
      if (object.key.ends_with('/')) continue;  // a console's mark for an empty folder
      EPICRISIS_RETURN_IF_ERROR(transform_object(object.key));
    }
    if (!page->is_truncated) break;
    query.after = page->last;
  }
  if (progress_.objects_done + progress_.objects_failed > 0) return {};
  return Error{ErrorCode::kNotFound,
               fmt::format("No S3 objects found under S3 URL \"s3://{}/{}\" given in the input data source.",
                           plan_.input.bucket, plan_.input.key),
               ""};
}

Result<void> TransformRun::transform_object(const std::string& key) {
  EPICRISIS_ASSIGN_OR_RETURN(auto reader, objects_.open(plan_.input.bucket, key));
  if (reader == nullptr) return {};  // deleted since it was listed
  if (progress_.object != key || progress_.etag != reader->info().etag) {
    progress_.object = key;
    progress_.etag = reader->info().etag;
    progress_.input_offset = progress_.output_bytes = progress_.object_records = 0;
  }
  Result<void> done;
  {
    TransformInput input(std::move(reader), plan_, progress_.input_offset);
    EPICRISIS_ASSIGN_OR_RETURN(PartFile part, PartFile::open(part_file_, progress_.output_bytes));
    done = transform_records(input, part);
    if (done) done = part.sync();
  }
  if (done) done = publish(key);
  if (!done && (done.error().code == ErrorCode::kCancelled || stop_.stop_requested())) return cancelled();
  if (done) {
    ++progress_.objects_done;
  } else {
    fail_object(done.error().to_line());
  }
  progress_.done_up_to = key;
  progress_.object.clear();
  checkpoint_(progress_);
  return {};
}

Result<void> TransformRun::transform_records(TransformInput& input, PartFile& part) {
  std::deque<std::shared_ptr<Pending>> pending;
  Clock::time_point checkpoint_at = Clock::now() + kCheckpointEvery;
  std::uint64_t checkpoint_records = progress_.records_done + kCheckpointRecords;
  bool ended = false;
  while (!ended || !pending.empty()) {
    if (stop_.stop_requested()) return drop(pending), cancelled();
    if (!ended && pending.size() < plan_.at_once) {
      Result<std::optional<TransformBatch>> batch = input.next();
      ended = batch && !*batch;
      if (ended) continue;
      Result<std::shared_ptr<Pending>> sent =
          batch ? send(std::move(**batch)) : Result<std::shared_ptr<Pending>>(batch.error());
      if (!sent) {
        const std::size_t before = pending.size();
        return drop(pending), where(sent.error(), before);
      }
      pending.push_back(std::move(*sent));
      continue;
    }
    const std::shared_ptr<Pending> first = std::move(pending.front());
    pending.pop_front();
    if (const Result<void> written = write_result(first, part); !written)
      return drop(pending), where(written.error(), 0);
    if (Clock::now() < checkpoint_at && progress_.records_done < checkpoint_records) continue;
    EPICRISIS_RETURN_IF_ERROR(part.sync());
    checkpoint_(progress_);
    checkpoint_at = Clock::now() + kCheckpointEvery;
    checkpoint_records = progress_.records_done + kCheckpointRecords;
  }
  return {};
}

Result<std::shared_ptr<TransformRun::Pending>> TransformRun::send(TransformBatch batch) {
  auto pending = std::make_shared<Pending>();
  pending->request = std::make_shared<jobs::WorkerRequest>();
  pending->request->fields.emplace_back("Content-Type", plan_.content_type);
  if (!plan_.accept.empty()) pending->request->fields.emplace_back("Accept", plan_.accept);
  EPICRISIS_ASSIGN_OR_RETURN(std::string body, transform_request(plan_, batch.body));
  pending->request->body = ClinicalText(std::move(body));
  if (plan_.joins_input) pending->record = std::move(batch.body);
  batch.body.clear();
  pending->batch = std::move(batch);
  dispatch(pending);
  return pending;
}

void TransformRun::dispatch(const std::shared_ptr<Pending>& pending) {
  pending->promise = {};
  jobs::CallLimits limits{Clock::now() + plan_.timeout, stop_, plan_.max_payload_bytes + (256ULL << 20)};
  supervisor_.invoke(endpoint_, "", pending->request, std::move(limits), {},
                     [pending](Refusal refusal, jobs::VariantReply answer) {
                       pending->promise.set_value({refusal, std::move(answer)});
                     });
}

/// Waits for an answer; a worker that is busy or was started anew is asked again.
Result<std::string> TransformRun::answer_of(const std::shared_ptr<Pending>& pending) {
  for (int attempt = 1;; ++attempt) {
    auto [refusal, answer] = pending->promise.get_future().get();
    if (stop_.stop_requested()) return cancelled();
    if (refusal != Refusal::kNone)
      return Error{ErrorCode::kUnavailable, "the model is not served any more", ""};
    if (answer.reply && answer.reply->status < 400) return answer.reply->body.reveal();
    const bool lost = !answer.reply && answer.reply.error().code == ErrorCode::kUnavailable;
    if (attempt == kAttempts || !(lost || is_busy(answer))) {
      if (!answer.reply) return answer.reply.error();
      return Error{ErrorCode::kInvalidArgument, refusal_of(*answer.reply), ""};
    }
    std::this_thread::sleep_for(kPauseWhenBusy * attempt);
    dispatch(pending);
  }
}

Result<void> TransformRun::write_result(const std::shared_ptr<Pending>& pending, PartFile& part) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string answer, answer_of(pending));
  EPICRISIS_ASSIGN_OR_RETURN(std::string text, transform_result(plan_, pending->record, answer));
  const TransformBatch& batch = pending->batch;
  if (plan_.split == TransformPlan::Split::kCsvLines && !batch.is_first) {
    text.erase(0, text.find('\n') + 1);  // the header stands above the first
  }
  if (plan_.assemble_lines && !text.ends_with('\n')) text += '\n';
  EPICRISIS_RETURN_IF_ERROR(part.append(text));
  progress_.object_records += batch.lines;
  progress_.records_done += batch.lines;
  progress_.input_offset = batch.end_offset;
  progress_.output_bytes += text.size();
  return {};
}

/// No answer may come to a run that is gone.
void TransformRun::drop(std::deque<std::shared_ptr<Pending>>& pending) {
  for (const auto& waiting : pending) waiting->promise.get_future().wait();
  pending.clear();
}

Result<void> TransformRun::publish(const std::string& key) {
  EPICRISIS_ASSIGN_OR_RETURN(const S3Location target, plan_.output_of(key));
  return upload(objects_, part_file_, target, plan_.accept.empty() ? plan_.content_type : plan_.accept);
}

/// Keys may name patients, so a reason counts objects instead.
void TransformRun::fail_object(const std::string& reason) {
  ++progress_.objects_failed;
  if (!progress_.failure.empty()) return;
  progress_.failure = fmt::format("Object {} of the input in order of keys: {}",
                                  progress_.objects_done + progress_.objects_failed, reason);
}

Error TransformRun::where(const Error& error, std::size_t requests_before) const {
  const std::uint64_t record = progress_.object_records + requests_before + 1;
  return {error.code, fmt::format("record {}: {}", record, error.to_line()), ""};
}

}  // namespace epicrisis::api
