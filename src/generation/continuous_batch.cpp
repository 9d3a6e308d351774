#include "generation/continuous_batch.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <iterator>
#include <utility>

#include "generation/detail/batch_entry.hpp"

namespace epicrisis {
namespace {

/// Of a prompt, this many tokens are fed in a step beside rows that decode.
constexpr std::size_t kPromptPiece = 64;

/// Of this thread, which works on each step from beginning to end. Unlike the time of day it does not count
/// what other programs take meanwhile.
double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace

ContinuousBatch::ContinuousBatch(const Backend& backend, BatchOptions options)
    : backend_(backend), options_(options) {}

bool ContinuousBatch::is_idle() const noexcept {
  return calls_.empty() && encoding_.empty() && live_.empty();
}

void ContinuousBatch::turn() {
  drop_ended();
  if (const Result<void> opened = open_session(); !opened) return fail_all(opened.error());
  encode();
  if (!live_.empty()) step();
}

Result<void> ContinuousBatch::open_session() {
  if (session_ != nullptr || is_idle()) return {};
  EPICRISIS_ASSIGN_OR_RETURN(session_, backend_.start_session());
  return {};
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

/// One step of the backend over the rows of all live sources, then one of each search. Where memory does not
/// suffice the source that came last is given up.
void ContinuousBatch::step() {
  while (!live_.empty()) {
    const double started = processor_seconds();
    const std::size_t scored = plan_rows();
    logits_.resize(scored * static_cast<std::size_t>(backend_.vocab_size()));
    const Result<void> stepped = session_->step(rows_, logits_);
    if (stepped) {
      learn_draft_cost(processor_seconds() - started);
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
    } else if (entry->request.stepped) {
      entry->request.stepped(*entry->search);
    }
  }
  std::erase_if(live_, [](const auto& entry) { return entry == nullptr; });
}

}  // namespace epicrisis
