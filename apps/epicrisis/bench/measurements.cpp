#include "bench/measurements.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "engine/model_costs.hpp"
#include "generation/search.hpp"

namespace epicrisis::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Request {
  std::vector<TokenId> source;
  int new_tokens = 0;
};

/// Requests of forced lengths, each written by the searches that users get.
class Decoding {
 public:
  Decoding(const Engine& engine, int beams) : engine_(engine) {
    const Architecture& a = engine.architecture();
    config_.num_beams = beams;
    config_.early_stopping = EarlyStopping::kNever;
    config_.eos_token_ids = {a.eos_token_id};
    config_.decoder_start_token_id = a.decoder_start_token_id;
  }

  Result<void> start() {
    EPICRISIS_ASSIGN_OR_RETURN(session_, engine_.start_session());
    return {};
  }

  /// Reads the sources of `requests`, which outlive this, beside those that are being written.
  Result<void> add(std::span<const Request> requests) {
    std::vector<std::vector<TokenId>> sources;
    for (const Request& request : requests) sources.push_back(request.source);
    EPICRISIS_ASSIGN_OR_RETURN(const std::vector<SourceId> ids, session_->add(sources));
    for (std::size_t i = 0; i < requests.size(); ++i) live_.push_back({ids[i], search_of(requests[i]), 0});
    return {};
  }

  /// One token of every live request.
  Result<void> step() {
    rows_.clear();
    for (Live& live : live_) {
      const int previous = live.first_row;
      live.first_row = static_cast<int>(rows_.size());
      for (const SearchRow& row : live.search->rows())
        rows_.push_back({live.id, row.parent < 0 ? -1 : previous + row.parent, row.tokens});
    }
    const auto width = static_cast<std::size_t>(engine_.vocab_size());
    logits_.resize(std::max(logits_.size(), rows_.size() * width));
    EPICRISIS_RETURN_IF_ERROR(session_->step(rows_, std::span(logits_).first(rows_.size() * width)));
    for (Live& live : live_) {
      const std::span<float> logits = std::span(logits_).subspan(
          static_cast<std::size_t>(live.first_row) * width, live.search->rows().size() * width);
      EPICRISIS_ASSIGN_OR_RETURN(const bool is_over, live.search->advance(logits));
      if (!is_over) continue;
      session_->remove(live.id);
      live.search.reset();
    }
    std::erase_if(live_, [](const Live& live) { return live.search == nullptr; });
    return {};
  }

  std::size_t live() const { return live_.size(); }

 private:
  struct Live {
    SourceId id = 0;
    std::unique_ptr<Search> search;
    int first_row = 0;  ///< In the previous step.
  };

  std::unique_ptr<Search> search_of(const Request& request) const {
    SearchInput input{config_, request.source, {config_.decoder_start_token_id}, {}, engine_.vocab_size()};
    if (!engine_.is_encoder_decoder()) input.prompt = request.source;
    const int prompt = static_cast<int>(input.prompt.size());
    input.limits = {prompt, prompt + request.new_tokens, prompt + request.new_tokens};
    return config_.num_beams == 1 ? make_greedy_search(std::move(input)) : make_beam_search(std::move(input));
  }

  const Engine& engine_;
  GenerationConfig config_;
  std::unique_ptr<DecodeSession> session_;
  std::vector<Live> live_;
  std::vector<HypothesisStep> rows_;
  std::vector<float> logits_;
};

std::vector<TokenId> random_tokens(std::mt19937& random, const Architecture& a, int count) {
  std::uniform_int_distribution<TokenId> token(0, a.vocab_size - 1);
  std::vector<TokenId> tokens(static_cast<std::size_t>(count));
  std::generate(tokens.begin(), tokens.end(), [&] { return token(random); });
  return tokens;
}

std::vector<Request> mixed_requests(const Architecture& a, int count) {
  constexpr std::uint32_t kSeed = 7;
  std::mt19937 random(kSeed);
  std::uniform_int_distribution<int> source_tokens(64, 768);
  std::uniform_int_distribution<int> new_tokens(16, 96);
  std::vector<Request> requests(static_cast<std::size_t>(count));
  for (Request& request : requests)
    request = {random_tokens(random, a, source_tokens(random)), new_tokens(random)};
  return requests;
}

Throughput costs_of(const Engine& engine, int beams, const std::vector<Request>& requests) {
  const Architecture& a = engine.architecture();
  Throughput costs;
  costs.requests = static_cast<int>(requests.size());
  int longest = 0;
  for (const Request& request : requests) {
    const int source_tokens = static_cast<int>(request.source.size());
    costs.operations += reading_operations(a, source_tokens).total() +
                        step_operations(a, source_tokens) * beams * request.new_tokens;
    costs.bytes += step_source_bytes(a, source_tokens) * request.new_tokens;
    longest = std::max(longest, request.new_tokens);
  }
  costs.bytes += step_weight_bytes(a, engine.type()) * longest;
  return costs;
}

}  // namespace

Result<Latency> measure_latency(const Engine& engine, int beams, const Load& load) {
  std::mt19937 random(1);
  const Request request{random_tokens(random, engine.architecture(), load.source_tokens), load.new_tokens};
  std::vector<double> encodes;
  std::vector<double> first_tokens;
  std::vector<double> steps;
  Decoding decoding(engine, beams);
  EPICRISIS_RETURN_IF_ERROR(decoding.start());
  // One session for all, as a worker has it, and the first is not counted: it starts threads, fills tables
  // and touches memory for the first time.
  for (int repetition = -1; repetition < load.repetitions; ++repetition) {
    const Clock::time_point start = Clock::now();
    EPICRISIS_RETURN_IF_ERROR(decoding.add(std::span(&request, 1)));
    const double encode = seconds_since(start);
    EPICRISIS_RETURN_IF_ERROR(decoding.step());
    first_tokens.push_back(seconds_since(start));
    encodes.push_back(engine.is_encoder_decoder() ? encode : first_tokens.back());
    while (decoding.live() > 0) {
      const Clock::time_point before = Clock::now();
      EPICRISIS_RETURN_IF_ERROR(decoding.step());
      steps.push_back(seconds_since(before));
    }
    if (repetition >= 0) continue;
    encodes.clear();
    first_tokens.clear();
    steps.clear();
  }
  return Latency{median(encodes), median(first_tokens), median(steps)};
}

Result<Throughput> measure_throughput(const Engine& engine, int beams, const Load& load) {
  const std::vector<Request> requests = mixed_requests(engine.architecture(), load.requests);
  const auto places = static_cast<std::size_t>(std::max(1, engine.preferred_rows() / beams));
  Throughput measured = costs_of(engine, beams, requests);
  Decoding decoding(engine, beams);
  EPICRISIS_RETURN_IF_ERROR(decoding.start());
  const Clock::time_point start = Clock::now();
  std::span<const Request> waiting = requests;
  while (!waiting.empty() || decoding.live() > 0) {
    if (const std::size_t joining = std::min(places - decoding.live(), waiting.size()); joining > 0) {
      EPICRISIS_RETURN_IF_ERROR(decoding.add(waiting.first(joining)));
      waiting = waiting.subspan(joining);
    }
    EPICRISIS_RETURN_IF_ERROR(decoding.step());
  }
  const double seconds = seconds_since(start);
  const int tokens =
      std::accumulate(requests.begin(), requests.end(), 0,
                      [](int sum, const Request& request) { return sum + request.new_tokens; });
  measured.requests_per_second = measured.requests / seconds;
  measured.tokens_per_second = tokens / seconds;
  return measured;
}

double peak_rss_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string name; status >> name;) {
    double kibibytes = 0;
    if (name == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
    std::getline(status, name);
  }
  return 0;
}

}  // namespace epicrisis::bench
