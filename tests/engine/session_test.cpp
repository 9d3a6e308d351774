#include "engine/session.hpp"

#include <gtest/gtest.h>

#include <random>

#include "checkpoint/checkpoint.hpp"
#include "engine/engine.hpp"
#include "engine/variants.hpp"
#include "generation/generate.hpp"
#include "generation/generation_scheduler.hpp"
#include "support/random_checkpoint.hpp"

namespace epicrisis {
namespace {

using Sequence = std::vector<TokenId>;

Architecture small_architecture() { return testing::pegasus_architecture(101, 32, 2, 4, 48, 64); }

std::shared_ptr<const Engine> load(const Architecture& architecture, int threads = 2,
                                   ComputeType type = ComputeType::kFloat32) {
  auto engine = Engine::load(testing::random_checkpoint(architecture, 7), {.type = type, .threads = threads});
  EXPECT_TRUE(engine) << engine.error().to_line();
  return *std::move(engine);
}

/// Logits after each of `target`, which a session of its own computes.
FloatMatrix forward(const Engine& engine, const Sequence& source, const Sequence& target) {
  return engine.forward(engine.is_encoder_decoder() ? source : Sequence{}, target).value();
}

std::vector<float> last_row(const FloatMatrix& logits) {
  const auto row = logits.row(logits.rows - 1);
  return {row.begin(), row.end()};
}

/// A session with one source, and what a step of it returns.
class OneSession {
 public:
  explicit OneSession(const Engine& engine) : engine_(engine), session_(engine.start_session().value()) {}

  SourceId add(const Sequence& source) {
    return session_->add(std::vector<Sequence>{source}).value().front();
  }
  std::vector<std::vector<float>> step(const std::vector<HypothesisStep>& rows) {
    const auto width = static_cast<std::size_t>(engine_.vocab_size());
    std::size_t scored = 0;
    for (const HypothesisStep& row : rows) scored += static_cast<std::size_t>(row.scored);
    std::vector<float> logits(scored * width);
    const auto stepped = session_->step(rows, logits);
    EXPECT_TRUE(stepped) << stepped.error().to_line();
    std::vector<std::vector<float>> result;
    for (auto row = logits.begin(); row != logits.end(); row += static_cast<std::ptrdiff_t>(width))
      result.emplace_back(row, row + static_cast<std::ptrdiff_t>(width));
    return result;
  }
  DecodeSession& operator*() { return *session_; }

 private:
  const Engine& engine_;
  std::unique_ptr<DecodeSession> session_;
};

struct SessionCase {
  testing::Variant variant;
  ComputeType type;
};

/// Every variant in float32, some of them in the narrower types too.
std::vector<SessionCase> session_cases() {
  std::vector<SessionCase> cases;
  for (const testing::Variant& variant : testing::engine_variants()) {
    cases.push_back({variant, ComputeType::kFloat32});
    if (variant.name != "pegasus_uneven" && variant.name != "t5_gated" && variant.name != "gpt2_uneven")
      continue;
    for (const ComputeType type : {ComputeType::kBFloat16, ComputeType::kInt8})
      cases.push_back({variant, type});
  }
  return cases;
}

void PrintTo(const SessionCase& session_case, std::ostream* out) { *out << session_case.variant.name; }

class Sessions : public ::testing::TestWithParam<SessionCase> {
 protected:
  const std::shared_ptr<const Engine> engine_ = load(GetParam().variant.architecture, 2, GetParam().type);
};

TEST_P(Sessions, TokensFedOneByOneTogetherOrInPiecesGiveTheSameBits) {
  const Sequence source = testing::random_source(engine_->architecture(), 20, 2);
  const Sequence target = testing::random_source(engine_->architecture(), 30, 3);
  const FloatMatrix together = forward(*engine_, source, target);
  for (const std::size_t piece : {1U, 2U, 7U, 30U}) {
    OneSession session(*engine_);
    const SourceId id = session.add(source);
    int parent = -1;
    for (std::size_t first = 0; first < target.size(); first += piece) {
      const auto tokens = std::span(target).subspan(first, std::min(piece, target.size() - first));
      const auto logits = session.step({{id, parent, tokens}}).front();
      const auto expected = together.row(static_cast<int>(first + tokens.size()) - 1);
      ASSERT_EQ(logits, std::vector<float>(expected.begin(), expected.end()))
          << "piece " << piece << " at " << first;
      parent = 0;
    }
  }
}

// Large enough to share work, and more tokens than one group has.
TEST_P(Sessions, BatchMatesAndThreadsChangeNoBit) {
  Architecture wide = GetParam().variant.architecture;
  wide.d_model = 192;
  wide.decoder.ffn_dim = 384;
  if (wide.max_positions > 0) wide.max_positions = 1000;
  for (const int threads : {1, 3}) {
    const auto engine = load(wide, threads, GetParam().type);
    std::vector<Sequence> sources;
    for (int i = 0; i < 9; ++i)
      sources.push_back(testing::random_source(wide, 3 + 13 * i, 40U + static_cast<unsigned>(i)));
    auto session = engine->start_session().value();
    const std::vector<SourceId> ids = session->add(sources).value();
    std::vector<HypothesisStep> rows;
    const Sequence target = testing::random_source(wide, 600, 39);
    for (std::size_t i = 0; i < ids.size(); ++i)
      rows.push_back({ids[i], -1, std::span(target).first(i == 0 ? target.size() : 4 + 60 * i)});
    std::vector<float> logits(rows.size() * 101);
    ASSERT_TRUE(session->step(rows, logits));
    const auto alone = load(wide, 1, GetParam().type);
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const std::vector<float> row(logits.begin() + static_cast<std::ptrdiff_t>(101 * i),
                                   logits.begin() + static_cast<std::ptrdiff_t>(101 * (i + 1)));
      EXPECT_EQ(row, last_row(forward(*alone, sources[i], {rows[i].tokens.begin(), rows[i].tokens.end()})))
          << "source " << i;
    }
  }
}

// Beams split, merge, die and finish at random; each row must see exactly its own ancestors.
TEST_P(Sessions, RowsContinueTheParentsTheyName) {
  std::mt19937 random(11);
  OneSession session(*engine_);
  std::vector<Sequence> sources;
  std::vector<SourceId> ids;
  std::vector<std::pair<std::size_t, Sequence>> beams;
  for (int round = 0; round < 25; ++round) {
    if (round % 8 == 0) {  // sources join while others run
      sources.push_back(
          testing::random_source(engine_->architecture(), 5 + round, 60U + static_cast<unsigned>(round)));
      ids.push_back(session.add(sources.back()));
    }
    std::vector<std::pair<std::size_t, Sequence>> next;
    std::vector<HypothesisStep> rows;
    std::vector<Sequence> fed;
    fed.reserve(16);
    for (int i = 0; i < 8; ++i) {
      fed.emplace_back();
      for (std::size_t n = 1 + random() % 2; n > 0; --n)
        fed.back().push_back(static_cast<TokenId>(random() % 101));
      const bool fresh = beams.empty() || random() % 6 == 0;
      const std::size_t parent = fresh ? 0 : random() % beams.size();
      const std::size_t source = fresh ? random() % sources.size() : beams[parent].first;
      Sequence ids_so_far = fresh ? Sequence{} : beams[parent].second;
      ids_so_far.insert(ids_so_far.end(), fed.back().begin(), fed.back().end());
      rows.push_back({ids[source], fresh ? -1 : static_cast<int>(parent), fed.back()});
      next.emplace_back(source, std::move(ids_so_far));
    }
    const auto logits = session.step(rows);
    beams = std::move(next);
    for (std::size_t i = 0; i < beams.size(); ++i)
      ASSERT_EQ(logits[i], last_row(forward(*engine_, sources[beams[i].first], beams[i].second)))
          << "round " << round << " row " << i;
  }
}

// Drafts of several lengths are fed, some of them refused; every row wants the logits of all or none of its
// tokens.
TEST_P(Sessions, ScoredTokensAndForgottenOnesChangeNoBit) {
  std::mt19937 random(12);
  OneSession session(*engine_);
  const Sequence source = testing::random_source(engine_->architecture(), 15, 80);
  const SourceId id = session.add(source);
  std::vector<Sequence> rows(3);
  for (int round = 0; round < 7; ++round) {
    std::vector<HypothesisStep> steps;
    std::vector<Sequence> fed;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const int dropped =
          rows[i].empty() ? 0 : static_cast<int>(random() % std::min<std::size_t>(rows[i].size(), 4));
      rows[i].resize(rows[i].size() - static_cast<std::size_t>(dropped));
      fed.push_back(
          testing::random_source(engine_->architecture(), static_cast<int>(random() % 6), random()));
      const int scored = static_cast<int>(random() % 2 * fed[i].size());
      steps.push_back({id, rows[i].empty() ? -1 : static_cast<int>(i), {}, dropped, scored});
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      steps[i].tokens = fed[i];
      rows[i].insert(rows[i].end(), fed[i].begin(), fed[i].end());
    }
    auto logits = session.step(steps);
    for (std::size_t i = 0, first = 0; i < rows.size(); ++i) {
      const FloatMatrix expected = forward(*engine_, source, rows[i]);
      const auto scored = static_cast<std::size_t>(steps[i].scored);
      for (std::size_t token = 0; token < scored; ++token) {
        const auto row = expected.row(static_cast<int>(rows[i].size() - scored + token));
        ASSERT_EQ(logits[first + token], std::vector<float>(row.begin(), row.end()))
            << "round " << round << " row " << i;
      }
      first += scored;
    }
  }
}

TEST_P(Sessions, SourcesAddedInPartsBetweenStepsChangeNoBit) {
  const Sequence first = testing::random_source(engine_->architecture(), 12, 22);
  const std::vector<Sequence> late = {testing::random_source(engine_->architecture(), 17, 23),
                                      testing::random_source(engine_->architecture(), 5, 24)};
  OneSession session(*engine_);
  Sequence written = {0};
  const SourceId id = session.add(first);
  session.step({{id, -1, written}});
  const std::vector<SourceId> ids = (*session).begin_adding(late).value();
  for (TokenId token = 7; !(*session).continue_adding().value(); ++token) {
    const Sequence next = {token};
    written.push_back(token);
    ASSERT_EQ(session.step({{id, 0, next}}).front(), last_row(forward(*engine_, first, written)));
  }
  const Sequence start = {0, 9};
  const auto logits = session.step({{ids[0], -1, start}, {ids[1], -1, start}});
  for (std::size_t i = 0; i < late.size(); ++i)
    EXPECT_EQ(logits[i], last_row(forward(*engine_, late[i], start)));
}

// Sources of repeated text: what follows a few tokens is found again, and random models go round in circles.
TEST_P(Sessions, SpeculationChangesNoResult) {
  std::vector<Sequence> sources;
  for (int i = 0; i < 80; ++i) {
    Sequence source =
        testing::random_source(engine_->architecture(), 3 + i % 14, 100U + static_cast<unsigned>(i));
    const Sequence again = source;
    source.insert(source.end(), again.begin(), again.end());
    sources.push_back(std::move(source));
  }
  GenerationConfig config;
  config.max_new_tokens = 20;
  const auto plain = generate(*engine_, sources, config).value();
  config.prompt_lookup_num_tokens = 6;
  GenerationScheduler scheduler(engine_, {.draft_cost = 0});
  const auto found = scheduler.generate(sources, config).value();
  int plain_steps = 0;
  int steps = 0;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    ASSERT_EQ(found[i][0].ids, plain[i][0].ids) << "source " << i;
    ASSERT_EQ(found[i][0].score, plain[i][0].score) << "source " << i;
    plain_steps += plain[i][0].steps;
    steps += found[i][0].steps;
  }
  EXPECT_LT(steps, plain_steps) << "no draft came true";
}

TEST_P(Sessions, RemovedSourcesLeaveTheOthersAsTheyWere) {
  const Sequence first = testing::random_source(engine_->architecture(), 12, 20);
  const Sequence second = testing::random_source(engine_->architecture(), 9, 21);
  OneSession session(*engine_);
  const SourceId first_id = session.add(first);
  const SourceId second_id = session.add(second);
  const Sequence start{0};
  session.step({{first_id, -1, start}, {second_id, -1, start}});
  (*session).remove(first_id);
  const Sequence more{8};
  EXPECT_EQ(session.step({{second_id, 1, more}}).front(),
            last_row(forward(*engine_, second, Sequence{0, 8})));
}

TEST(Session, AStepThatFailsChangesNothing) {
  const auto engine = Engine::load(testing::random_checkpoint(small_architecture(), 7),
                                   {.threads = 1, .max_cache_bytes = 2UL * 64 * 2 * 32 * sizeof(float)})
                          .value();
  const Sequence source = testing::random_source(engine->architecture(), 10, 50);
  OneSession session(*engine);
  const SourceId id = session.add(source);
  const Sequence start(40, 3);
  session.step({{id, -1, start}});
  std::vector<float> logits(101);
  const Sequence past_the_positions(25, 4);
  const auto too_long = (*session).step(std::vector<HypothesisStep>{{id, 0, past_the_positions}}, logits);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, ErrorCode::kResourceExhausted);
  const auto cache_full = (*session).step(std::vector<HypothesisStep>{{id, -1, start}}, logits);
  ASSERT_FALSE(cache_full);
  EXPECT_EQ(cache_full.error().code, ErrorCode::kResourceExhausted);
  const Sequence more{9};
  Sequence whole = start;
  whole.push_back(9);
  EXPECT_EQ(session.step({{id, 0, more}}).front(),
            last_row(forward(*load(small_architecture()), source, whole)));
}

// Beams of one prompt: only its first row feeds the prompt, and the others read what that one left.
TEST(Session, BeamsShareTheirPrompt) {
  const Architecture architecture = testing::gpt2_architecture(101, 32, 2, 4, 48, 64);
  const std::size_t one_chunk = 2UL * 64 * 2 * 32 * sizeof(float);
  const auto engine =
      Engine::load(testing::random_checkpoint(architecture, 7), {.threads = 1, .max_cache_bytes = one_chunk})
          .value();
  const Sequence prompt = testing::random_source(architecture, 56, 51);
  OneSession session(*engine);
  const SourceId id = session.add(prompt);
  EXPECT_EQ(session.step({{id, -1, prompt}}).front(), last_row(engine->forward({}, prompt).value()));
  const Sequence tokens{3, 4, 5, 6, 7, 8, 9, 10};  // eight copies of the prompt would not fit
  std::vector<HypothesisStep> rows;
  for (std::size_t i = 0; i < tokens.size(); ++i) rows.push_back({id, 0, std::span(tokens).subspan(i, 1)});
  const auto logits = session.step(rows);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    Sequence whole = prompt;
    whole.push_back(tokens[i]);
    EXPECT_EQ(logits[i], last_row(load(architecture)->forward({}, whole).value())) << "beam " << i;
  }
}

TEST(Session, StepAllGivesTheLogitsOfEveryToken) {
  const auto engine = load(testing::bloom_architecture(101, 32, 2, 4, 48));
  const Sequence first = testing::random_source(engine->architecture(), 9, 70);
  const Sequence second = testing::random_source(engine->architecture(), 4, 71);
  auto started = engine->start_session().value();
  auto& session = dynamic_cast<epicrisis::engine::Session&>(*started);
  const auto ids = session.add(std::vector<Sequence>{first, second}).value();
  std::vector<float> logits(13 * 101);
  const std::vector<HypothesisStep> rows{{ids[0], -1, first}, {ids[1], -1, second}};
  ASSERT_TRUE(session.step_all(rows, epicrisis::engine::DecoderOutput::kLogits, logits));
  std::vector<float> expected = engine->forward({}, first).value().values;
  const auto rest = engine->forward({}, second).value().values;
  expected.insert(expected.end(), rest.begin(), rest.end());
  EXPECT_EQ(logits, expected);
}

INSTANTIATE_TEST_SUITE_P(Variants, Sessions, ::testing::ValuesIn(session_cases()), [](const auto& instance) {
  std::string name = instance.param.variant.name;
  if (instance.param.type != ComputeType::kFloat32) name.append("_").append(to_string(instance.param.type));
  return name;
});

}  // namespace
}  // namespace epicrisis
