// Who is in a batch: sources come, wait for their turn and for room, and leave.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include "generation/continuous_batch.hpp"
#include "generation/detail/batch_entry.hpp"
#include "generation/generation_request.hpp"

namespace epicrisis {
namespace {

/// Sources are encoded in groups of up to about this many tokens: enough for full speed.
constexpr std::size_t kGroupTokens = 512;
/// How far past Backend::preferred_rows() the first sources of calls may fill a step.
constexpr int kCrowding = 4;

Error never_fits(std::size_t needed, std::size_t budget) {
  return {ErrorCode::kResourceExhausted,
          "This text needs more memory for keys and values than there is; lower max_length or num_beams.",
          fmt::format("{} bytes needed, {} given", needed, budget)};
}

}  // namespace

Error detail::cancelled() { return {ErrorCode::kCancelled, "Generation was cancelled.", ""}; }

ContinuousBatch::~ContinuousBatch() { fail_all(detail::cancelled()); }

void ContinuousBatch::add(std::vector<BatchRequest> requests) {
  auto call = std::make_shared<Call>();
  for (BatchRequest& request : requests) {
    auto entry = std::make_unique<Entry>();
    entry->bytes = most_cache_bytes(backend_, request.source, *request.config);
    entry->most_rows = most_rows(*request.config);
    entry->call = call;
    entry->request = std::move(request);
    if (options_.max_cache_bytes > 0 && entry->bytes > options_.max_cache_bytes) {
      const Error error = never_fits(entry->bytes, options_.max_cache_bytes);
      finish(std::move(entry), error);
    } else {
      call->waiting.push_back(std::move(entry));
    }
  }
  if (!call->waiting.empty()) calls_.push_back(std::move(call));
}

void ContinuousBatch::fail_all(const Error& error) {
  Entries all;
  for (const auto& call : calls_)
    std::move(call->waiting.begin(), call->waiting.end(), std::back_inserter(all));
  std::move(encoding_.begin(), encoding_.end(), std::back_inserter(all));
  std::move(live_.begin(), live_.end(), std::back_inserter(all));
  calls_.clear();
  encoding_.clear();
  live_.clear();
  session_.reset();
  for (auto& entry : all) finish(std::move(entry), error);
}

/// Ends sources that nobody waits for any more. Those being encoded stay until they are.
void ContinuousBatch::drop_ended() {
  const auto now = std::chrono::steady_clock::now();
  const auto drop_from = [&](auto& entries) {
    for (auto& entry : entries) {
      if (const std::optional<Error> error = entry->reason_to_end(now)) finish(std::move(entry), *error);
    }
    std::erase_if(entries, [](const auto& entry) { return entry == nullptr; });
  };
  drop_from(live_);
  for (const auto& call : calls_) drop_from(call->waiting);
  std::erase_if(calls_, [](const auto& call) { return call->waiting.empty(); });
}

/// Moves the sources that are to be encoded next to encoding_ and returns their tokens.
std::vector<std::vector<TokenId>> ContinuousBatch::admit_group() {
  std::vector<std::vector<TokenId>> sources;
  std::size_t tokens = 0;
  while (tokens < kGroupTokens) {
    std::unique_ptr<Entry> entry = admit(tokens == 0 ? SIZE_MAX : kGroupTokens - tokens);
    if (entry == nullptr) break;
    Result<std::unique_ptr<Search>> search =
        make_search(backend_, entry->request.source, *entry->request.config);
    if (!search) {
      finish(std::move(entry), search.error());
      continue;
    }
    entry->search = std::move(*search);
    sources.emplace_back(entry->request.source.begin(), entry->request.source.end());
    tokens = entry->alone ? kGroupTokens : tokens + sources.back().size();
    encoding_.push_back(std::move(entry));
  }
  return sources;
}

/// Takes the source whose turn it is out of its queue, if there is room for it and it has no more tokens than
/// `most_tokens`.
std::unique_ptr<ContinuousBatch::Entry> ContinuousBatch::admit(std::size_t most_tokens) {
  const auto chosen = std::min_element(
      calls_.begin(), calls_.end(), [](const auto& a, const auto& b) { return a->admitted < b->admitted; });
  if (chosen == calls_.end()) return nullptr;
  Call& call = **chosen;
  const Entry& next = *call.waiting.front();
  if (!fits(next) || next.request.source.size() > most_tokens) return nullptr;
  if (next.alone && !encoding_.empty()) return nullptr;
  std::unique_ptr<Entry> entry = std::move(call.waiting.front());
  call.waiting.pop_front();
  if (call.waiting.empty()) calls_.erase(chosen);
  entry->admitted = true;
  ++entry->call->admitted;
  reserved_bytes_ += entry->bytes;
  reserved_rows_ += entry->most_rows;
  return entry;
}

bool ContinuousBatch::fits(const Entry& entry) const {
  if (live_.empty() && encoding_.empty()) return true;
  if (options_.max_cache_bytes > 0 && reserved_bytes_ + entry.bytes > options_.max_cache_bytes) return false;
  const int most = backend_.preferred_rows() * (entry.call->admitted == 0 ? kCrowding : 1);
  return reserved_rows_ + entry.most_rows <= most;
}

/// Sources of a group that failed are tried again one by one, so that one of them cannot fail the others.
void ContinuousBatch::fail_encoding(const Error& error) {
  Entries failed = std::exchange(encoding_, {});
  for (const auto& entry : failed) entry->id.reset();
  if (failed.size() == 1) return finish(std::move(failed.front()), error);
  for (auto entry = failed.rbegin(); entry != failed.rend(); ++entry) {
    const std::shared_ptr<Call> call = (*entry)->call;
    leave(**entry);
    (*entry)->alone = true;
    if (call->waiting.empty()) calls_.insert(calls_.begin(), call);
    call->waiting.push_front(std::move(*entry));
  }
}

void ContinuousBatch::finish(std::unique_ptr<Entry> entry, Result<std::vector<Hypothesis>> result) {
  if (session_ != nullptr && entry->id) session_->remove(*entry->id);
  if (entry->admitted) leave(*entry);
  std::exchange(entry->request.done, nullptr)(std::move(result));
}

/// Gives the room of an admitted source back.
void ContinuousBatch::leave(Entry& entry) {
  entry.admitted = false;
  --entry.call->admitted;
  reserved_bytes_ -= entry.bytes;
  reserved_rows_ -= entry.most_rows;
}

}  // namespace epicrisis
