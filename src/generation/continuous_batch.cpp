#include "generation/continuous_batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "generation/generation_request.hpp"

namespace epicrisis {
namespace {

/// Sources are encoded in groups of up to about this many tokens: enough for full speed.
constexpr std::size_t kGroupTokens = 512;
/// Of a prompt, this many tokens are fed in a step beside rows that decode.
constexpr std::size_t kPromptPiece = 64;
/// How far past Backend::preferred_rows() the first sources of calls may fill a step.
constexpr int kCrowding = 4;

Error cancelled() { return {ErrorCode::kCancelled, "Generation was cancelled.", ""}; }

Error never_fits(std::size_t needed, std::size_t budget) {
  return {ErrorCode::kResourceExhausted,
          "This text needs more memory for keys and values than there is; lower max_length or num_beams.",
          fmt::format("{} bytes needed, {} given", needed, budget)};
}

}  // namespace

/// Sources that came together.
struct ContinuousBatch::Call {
  std::deque<std::unique_ptr<Entry>> waiting;
  int admitted = 0;  ///< Of its sources, in encoding_ or live_.
};

struct ContinuousBatch::Entry {
  BatchRequest request;
  std::shared_ptr<Call> call;
  std::size_t bytes = 0;  ///< Most that it takes in the caches.
  int most_rows = 0;
  bool alone = false;  ///< Encoding it with others failed.
  bool admitted = false;
  std::optional<SourceId> id;
  std::unique_ptr<Search> search;
  std::size_t fed = 0;   ///< Tokens that the model has seen; matters while they are those of the prompt.
  int first_row = 0;     ///< Of the previous step.
  int planned_rows = 0;  ///< Of the step being taken.

  Entry() = default;
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  ~Entry() {
    if (request.done) request.done(cancelled());
  }
  std::optional<Error> reason_to_end(std::chrono::steady_clock::time_point now) const {
    if (request.stop.stop_requested()) return cancelled();
    if (request.deadline && now >= *request.deadline) {
      return Error{ErrorCode::kDeadlineExceeded, "The time given to this text ran out.", ""};
    }
    return {};
  }
};

ContinuousBatch::ContinuousBatch(const Backend& backend, BatchOptions options)
    : backend_(backend), options_(options) {}

ContinuousBatch::~ContinuousBatch() { fail_all(cancelled()); }

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

bool ContinuousBatch::is_idle() const noexcept {
  return calls_.empty() && encoding_.empty() && live_.empty();
}

void ContinuousBatch::turn() {
  drop_ended();
  if (const Result<void> opened = open_session(); !opened) return fail_all(opened.error());
  encode();
  if (!live_.empty()) step();
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

Result<void> ContinuousBatch::open_session() {
  if (session_ != nullptr || is_idle()) return {};
  EPICRISIS_ASSIGN_OR_RETURN(session_, backend_.start_session());
  return {};
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

void ContinuousBatch::encode() {
  const auto started = std::chrono::steady_clock::now();
  do {
    if (encoding_.empty()) {
      const std::vector<std::vector<TokenId>> sources = admit_group();
      if (sources.empty()) return;
      const Result<std::vector<SourceId>> ids = session_->begin_adding(sources);
      if (!ids) {
        fail_encoding(ids.error());
        continue;
      }
      for (std::size_t i = 0; i < encoding_.size(); ++i) encoding_[i]->id = (*ids)[i];
    }
    const Result<bool> done = session_->continue_adding();
    if (!done) {
      fail_encoding(done.error());
    } else if (*done) {
      std::move(encoding_.begin(), encoding_.end(), std::back_inserter(live_));
      encoding_.clear();
    }
  } while (live_.empty() || std::chrono::steady_clock::now() - started < options_.max_stall);
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

/// One step of the backend over the rows of all live sources, then one of each search. Where memory does not
/// suffice the source that came last is given up.
void ContinuousBatch::step() {
  while (!live_.empty()) {
    const auto started = std::chrono::steady_clock::now();
    const std::size_t scored = plan_rows();
    logits_.resize(scored * static_cast<std::size_t>(backend_.vocab_size()));
    const Result<void> stepped = session_->step(rows_, logits_);
    if (stepped) {
      learn_draft_cost(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
      return advance();
    }
    std::unique_ptr<Entry> last = std::move(live_.back());
    live_.pop_back();
    finish(std::move(last), stepped.error());
  }
}

/// Fills rows_ for the next step; how many of their tokens are scored.
std::size_t ContinuousBatch::plan_rows() {
  rows_.clear();
  const bool some_decode = std::any_of(live_.begin(), live_.end(), [](const auto& entry) {
    return entry->search->rows().front().parent >= 0;
  });
  const bool in_pieces =
      some_decode && backend_.scores_drafts() && options_.max_stall != BatchOptions::kUnbounded;
  std::size_t prompt_room = in_pieces ? kPromptPiece : SIZE_MAX;
  for (const auto& entry : live_) {
    const std::span<const SearchRow> rows = entry->search->rows();
    const auto first = static_cast<int>(rows_.size());
    if (rows.front().parent < 0) {
      plan_prompt(*entry, rows.front().tokens, prompt_room);
    } else {
      for (const SearchRow& row : rows)
        rows_.push_back({*entry->id, entry->first_row + row.parent, row.tokens, row.dropped, row.scored});
    }
    entry->planned_rows = static_cast<int>(rows_.size()) - first;
  }
  std::size_t scored = 0;
  for (const HypothesisStep& row : rows_) scored += static_cast<std::size_t>(row.scored);
  return scored;
}

/// The next of the prompt's `tokens`, as many as there is room for. Earlier sources come first, so that one
/// whose prompt was begun goes on.
void ContinuousBatch::plan_prompt(Entry& entry, std::span<const TokenId> tokens, std::size_t& room) {
  const std::size_t count = std::min(tokens.size() - entry.fed, room);
  if (count == 0) return;
  room -= count;
  const bool is_last = entry.fed + count == tokens.size();
  rows_.push_back({*entry.id, entry.fed == 0 ? -1 : entry.first_row, tokens.subspan(entry.fed, count), 0,
                   is_last ? 1 : 0});
}

/// Steps that feed prompts say nothing about drafts.
void ContinuousBatch::learn_draft_cost(double seconds) {
  std::size_t tokens = 0;
  for (const HypothesisStep& row : rows_) {
    if (row.scored != static_cast<int>(row.tokens.size())) return;
    tokens += row.tokens.size();
  }
  draft_cost_.record(tokens, seconds);
}

/// Hands each search the logits of its rows.
void ContinuousBatch::advance() {
  const auto vocab_size = static_cast<std::size_t>(backend_.vocab_size());
  const double draft_cost = options_.draft_cost.value_or(draft_cost_.share(rows_.size()));
  std::span<float> logits = logits_;
  int first = 0;
  for (auto& entry : live_) {
    if (entry->planned_rows == 0) continue;
    std::size_t scored = 0;
    for (int row = first; row < first + entry->planned_rows; ++row)
      scored += static_cast<std::size_t>(rows_[static_cast<std::size_t>(row)].scored);
    entry->fed += rows_[static_cast<std::size_t>(first)].tokens.size();
    entry->first_row = std::exchange(first, first + entry->planned_rows);
    if (scored == 0) continue;  // more of the prompt is to come
    const std::span<float> own = logits.first(scored * vocab_size);
    logits = logits.subspan(own.size());
    entry->search->expect_draft_cost(draft_cost);
    const Result<bool> finished = entry->search->advance(own);
    if (!finished) {
      finish(std::move(entry), finished.error());
    } else if (*finished) {
      std::vector<Hypothesis> results = entry->search->take_results();
      finish(std::move(entry), std::move(results));
    }
  }
  std::erase_if(live_, [](const auto& entry) { return entry == nullptr; });
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
