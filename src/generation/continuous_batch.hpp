#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "base/result.hpp"
#include "generation/backend.hpp"
#include "generation/generate.hpp"
#include "generation/generation_config.hpp"
#include "generation/search.hpp"
#include "generation/speculation/draft_cost.hpp"

namespace epicrisis {

struct BatchOptions {
  /// Most memory that the caches of the sources in the batch may come to take together; 0: no limit.
  std::size_t max_cache_bytes = 0;
  static constexpr auto kUnbounded = std::chrono::steady_clock::duration::max();
  /// How long encoding may keep running sources from their next step, but for a part of it that takes longer
  /// alone. kUnbounded: all that is to be encoded comes first, which is best where nobody waits for a first
  /// token.
  std::chrono::steady_clock::duration max_stall = std::chrono::milliseconds(50);
  /// What a drafted token is taken to cost (see DraftCost::share()) in place of what is measured; for tests.
  std::optional<double> draft_cost = {};
};

/// One source to generate for. `source` and `config` outlive the call of `done`.
struct BatchRequest {
  std::span<const TokenId> source;
  const GenerationConfig* config = nullptr;
  std::stop_token stop;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  /// Called once, from a call of the batch or its end: what generate() gives for this source. Errors:
  /// kCancelled, kDeadlineExceeded, kResourceExhausted, and what search and backend report. It must not call
  /// the batch.
  std::function<void(Result<std::vector<Hypothesis>>)> done;
  /// Called after each step that does not end the source, from turn(); may be empty.
  std::function<void(const Search&)> stepped = {};
};

/// Sources that are decoded together, one step of the backend at a time for all of them. They join whenever
/// there is room and leave at the step that ends them; none changes another's result, whatever their
/// settings.
///
/// Those that wait are admitted in turns: next is the first of the call that has the fewest sources in the
/// batch, of equal ones the call that came first. A call with none in it may pass Backend::preferred_rows(),
/// up to four times that, so a source that comes alone starts beside large batches. A source is admitted only
/// if the caches fit that it and those before it may come to need; one that would never fit is refused.
///
/// A newcomer is encoded in parts between the steps of the others, and a decoder-only model's prompt is fed
/// in pieces, so that none waits longer than BatchOptions::max_stall and one step.
///
/// Iteration-level scheduling: Yu et al. 2022, "Orca", section 3.1; prompts in pieces: Agrawal et al. 2023,
/// "SARATHI", section 4. Used by one thread at a time.
class ContinuousBatch {
 public:
  /// `backend` outlives this.
  explicit ContinuousBatch(const Backend& backend, BatchOptions options = {});
  ContinuousBatch(const ContinuousBatch&) = delete;
  ContinuousBatch& operator=(const ContinuousBatch&) = delete;
  /// Ends what is left as cancelled.
  ~ContinuousBatch();

  /// Takes over the requests of one call. Precondition: check_request() finds nothing wrong with them.
  void add(std::vector<BatchRequest> call);
  /// Whether turn() has nothing to do.
  bool is_idle() const noexcept;
  /// Ends what is to be ended, encodes for a while, and takes one step.
  void turn();
  /// Ends all sources with `error`, and the session with them.
  void fail_all(const Error& error);

 private:
  struct Call;
  struct Entry;
  using Entries = std::vector<std::unique_ptr<Entry>>;

  void drop_ended();
  Result<void> open_session();
  void encode();
  std::vector<std::vector<TokenId>> admit_group();
  std::unique_ptr<Entry> admit(std::size_t most_tokens);
  bool fits(const Entry& entry) const;
  void fail_encoding(const Error& error);
  void step();
  std::size_t plan_rows();
  void plan_prompt(Entry& entry, std::span<const TokenId> tokens, std::size_t& room);
  void advance();
  void learn_draft_cost(double seconds);
  void finish(std::unique_ptr<Entry> entry, Result<std::vector<Hypothesis>> result);
  void leave(Entry& entry);

  const Backend& backend_;
  const BatchOptions options_;
  std::unique_ptr<DecodeSession> session_;
  std::vector<std::shared_ptr<Call>> calls_;  ///< With sources that wait; in the order in which they came.
  Entries encoding_;
  Entries live_;                    ///< In the order in which they were admitted.
  std::size_t reserved_bytes_ = 0;  ///< Of encoding_ and live_.
  int reserved_rows_ = 0;
  DraftCost draft_cost_;
  std::vector<HypothesisStep> rows_;
  std::vector<float> logits_;  ///< [sum of scored, V]
};

}  // namespace epicrisis
