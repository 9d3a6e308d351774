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
    EPICRISIS_ASSIGN_OR_RETURN(std::vector<SourceId> ids, begin_adding(sources));
    while (!continue_adding().value()) {
    }
    return ids;
  }

  Result<std::vector<SourceId>> begin_adding(std::span<const std::vector<TokenId>> sources) override {
    EPICRISIS_CHECK(adding_.empty() && !sources.empty());
    std::vector<SourceId> ids;
    for (const std::vector<TokenId>& source : sources) {
      if (backend_.refused && source.front() == backend_.refused) {
        adding_.clear();
        return Error{ErrorCode::kResourceExhausted, "Refused.", ""};
      }
      adding_.emplace_back(next_id_, source);
      ids.push_back(next_id_++);
    }
    parts_left_ = backend_.parts;
    return ids;
  }

  Result<bool> continue_adding() override {
    if (parts_left_-- > 0) return false;
    for (auto& [id, source] : adding_) sources_[id] = std::move(source);
    backend_.sources_left += static_cast<int>(adding_.size());
    adding_.clear();
    return true;
  }

  void remove(SourceId source) override {
    EPICRISIS_CHECK(sources_.erase(source) == 1);
    --backend_.sources_left;
  }

  Result<void> step(std::span<const HypothesisStep> rows, std::span<float> logits) override {
    if (rows.size() > backend_.most_rows) return Error{ErrorCode::kResourceExhausted, "Too many rows.", ""};
    ++backend_.steps;
    if (backend_.on_step) backend_.on_step(rows);
    const auto vocab_size = static_cast<std::size_t>(backend_.vocab_size());
    EPICRISIS_CHECK(!rows.empty());
    auto logit = logits.begin();
    std::vector<std::pair<SourceId, std::vector<TokenId>>> next;
    for (const HypothesisStep& row : rows) {
      EPICRISIS_CHECK(!row.tokens.empty() && (backend_.drafts || (row.dropped == 0 && row.scored == 1)));
      EPICRISIS_CHECK(row.scored >= 0 && static_cast<std::size_t>(row.scored) <= row.tokens.size());
      std::vector<TokenId> prefix;
      if (row.parent >= 0) {
        EPICRISIS_CHECK(prefixes_.at(static_cast<std::size_t>(row.parent)).first == row.source);
        prefix = prefixes_[static_cast<std::size_t>(row.parent)].second;
      }
      EPICRISIS_CHECK(row.dropped == 0 ||
                      (row.dropped > 0 && static_cast<std::size_t>(row.dropped) < prefix.size()));
      prefix.resize(prefix.size() - static_cast<std::size_t>(row.dropped));
      for (std::size_t i = 0; i < row.tokens.size(); ++i) {
        prefix.push_back(row.tokens[i]);
        if (row.tokens.size() - i > static_cast<std::size_t>(row.scored)) continue;
        const std::vector<float> scores = backend_.script_(sources_.at(row.source), prefix);
        EPICRISIS_CHECK(logits.end() - logit >= static_cast<std::ptrdiff_t>(vocab_size));
        logit = std::copy(scores.begin(), scores.end(), logit);
      }
      next.emplace_back(row.source, std::move(prefix));
    }
    EPICRISIS_CHECK(logit == logits.end());
    prefixes_ = std::move(next);
    return {};
  }

 private:
  const ScriptedBackend& backend_;
  SourceId next_id_ = 0;
  std::map<SourceId, std::vector<TokenId>> sources_;
  std::vector<std::pair<SourceId, std::vector<TokenId>>> adding_;
  int parts_left_ = 0;
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
