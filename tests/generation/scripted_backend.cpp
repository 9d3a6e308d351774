#include "generation/scripted_backend.hpp"

#include <algorithm>
#include <map>

#include "base/check.hpp"
#include "generation/random.hpp"

namespace epicrisis::testing {

class ScriptedSession final : public DecodeSession {
 public:
  explicit ScriptedSession(const ScriptedBackend& backend) : backend_(backend) {}

  Result<std::vector<SourceId>> add(std::span<const std::vector<TokenId>> sources) override {
    std::vector<SourceId> ids;
    for (const std::vector<TokenId>& source : sources) {
      sources_[next_id_] = source;
      ids.push_back(next_id_++);
      ++backend_.sources_left;
    }
    return ids;
  }

  void remove(SourceId source) override {
    EPICRISIS_CHECK(sources_.erase(source) == 1);
    --backend_.sources_left;
  }

  Result<void> step(std::span<const HypothesisStep> rows, std::span<float> logits) override {
    ++backend_.steps;
    const auto vocab_size = static_cast<std::size_t>(backend_.vocab_size());
    EPICRISIS_CHECK(!rows.empty() && logits.size() == rows.size() * vocab_size);
    std::vector<std::pair<SourceId, std::vector<TokenId>>> next;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const HypothesisStep& row = rows[i];
      EPICRISIS_CHECK(!row.tokens.empty());
      std::vector<TokenId> prefix;
      if (row.parent >= 0) {
        EPICRISIS_CHECK(prefixes_.at(static_cast<std::size_t>(row.parent)).first == row.source);
        prefix = prefixes_[static_cast<std::size_t>(row.parent)].second;
      }
      prefix.insert(prefix.end(), row.tokens.begin(), row.tokens.end());
      const std::vector<float> scores = backend_.script_(sources_.at(row.source), prefix);
      std::copy(scores.begin(), scores.end(), logits.begin() + static_cast<std::ptrdiff_t>(i * vocab_size));
      next.emplace_back(row.source, std::move(prefix));
    }
    prefixes_ = std::move(next);
    return {};
  }

 private:
  const ScriptedBackend& backend_;
  SourceId next_id_ = 0;
  std::map<SourceId, std::vector<TokenId>> sources_;
  std::vector<std::pair<SourceId, std::vector<TokenId>>> prefixes_;
};

Result<std::unique_ptr<DecodeSession>> ScriptedBackend::start_session() const {
  return std::make_unique<ScriptedSession>(*this);
}

Script hashed_script(int vocab_size, std::uint64_t seed, float spread) {
  return [=](const std::vector<TokenId>& source, const std::vector<TokenId>& prefix) {
    std::uint64_t state = seed;
    for (const TokenId token : source) state = RandomStream(state, static_cast<std::uint64_t>(token)).next();
    for (const TokenId token : prefix) {
      state = RandomStream(state + 1, static_cast<std::uint64_t>(token)).next();
    }
    RandomStream random(state, 0);
    std::vector<float> logits(static_cast<std::size_t>(vocab_size));
    for (float& logit : logits) logit = (2 * static_cast<float>(random.uniform()) - 1) * spread;
    return logits;
  };
}

}  // namespace epicrisis::testing
