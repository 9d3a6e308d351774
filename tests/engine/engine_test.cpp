#include "engine/engine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "checkpoint/checkpoint.hpp"
#include "engine/plain_model.hpp"
#include "support/random_checkpoint.hpp"

namespace epicrisis {
namespace {

using ::testing::HasSubstr;
using Sequence = std::vector<TokenId>;

Architecture small_architecture() { return testing::pegasus_architecture(101, 32, 2, 4, 48, 64); }

std::shared_ptr<const Engine> load(const Architecture& architecture, int threads = 2) {
  auto engine = Engine::load(testing::random_checkpoint(architecture, 7), {.threads = threads});
  EXPECT_TRUE(engine) << engine.error().to_line();
  return *std::move(engine);
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
    std::vector<float> logits(rows.size() * width);
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

// The shapes that Architecture allows: other sizes in the two stacks, heads that are not a divisor of D, no
// biases.
std::vector<Architecture> architectures() {
  std::vector<Architecture> result{small_architecture()};
  Architecture untied = small_architecture();
  untied.tied_output = false;
  untied.output_bias = false;
  untied.attention_bias = false;
  untied.ffn_bias = false;
  untied.activation = Activation::kGeluTanh;
  result.push_back(untied);
  Architecture uneven = small_architecture();
  uneven.d_model = 27;
  uneven.head_dim = 10;
  uneven.encoder = {1, 3, 17};
  uneven.decoder = {3, 2, 70};
  uneven.activation = Activation::kGelu;
  result.push_back(uneven);
  return result;
}

TEST(Engine, AgreesWithThePlainModel) {
  for (const Architecture& architecture : architectures()) {
    const Checkpoint checkpoint = testing::random_checkpoint(architecture, 7);
    const auto engine = load(architecture);
    const Sequence source = testing::random_source(architecture, 33, 1);
    const Sequence target{0, 5, 9, 100, 5, 2, 77};
    const auto expected = testing::plain_forward(checkpoint, source, target);
    const auto logits = engine->forward(source, target);
    ASSERT_TRUE(logits) << logits.error().to_line();
    for (std::size_t t = 0; t < target.size(); ++t) {
      const auto row = logits->row(static_cast<int>(t));
      for (std::size_t v = 0; v < row.size(); ++v)
        ASSERT_NEAR(row[v], expected[t][v], 2e-5) << "position " << t << " entry " << v;
    }
  }
}

TEST(Engine, TokensFedOneByOneTogetherOrInPiecesGiveTheSameBits) {
  const auto engine = load(small_architecture());
  const Sequence source = testing::random_source(engine->architecture(), 20, 2);
  const Sequence target = testing::random_source(engine->architecture(), 30, 3);
  const FloatMatrix together = engine->forward(source, target).value();
  for (const std::size_t piece : {1U, 2U, 7U, 30U}) {
    OneSession session(*engine);
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

TEST(Engine, BatchMatesAndThreadsChangeNoBit) {
  Architecture wide = testing::pegasus_architecture(300, 192, 2, 4, 384, 128);  // large enough to share work
  for (const int threads : {1, 3}) {
    const auto engine = load(wide, threads);
    std::vector<Sequence> sources;
    for (int i = 0; i < 9; ++i)
      sources.push_back(testing::random_source(wide, 3 + 13 * i, 40U + static_cast<unsigned>(i)));
    auto session = engine->start_session().value();
    const std::vector<SourceId> ids = session->add(sources).value();
    std::vector<HypothesisStep> rows;
    const Sequence target{0, 17, 4, 250};
    for (const SourceId id : ids) rows.push_back({id, -1, target});
    std::vector<float> logits(rows.size() * 300);
    ASSERT_TRUE(session->step(rows, logits));
    const auto alone = load(wide, 1);
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const std::vector<float> row(logits.begin() + static_cast<std::ptrdiff_t>(300 * i),
                                   logits.begin() + static_cast<std::ptrdiff_t>(300 * (i + 1)));
      EXPECT_EQ(row, last_row(alone->forward(sources[i], target).value())) << "source " << i;
    }
  }
}

// Beams split, merge, die and finish at random; each row must see exactly its own ancestors.
TEST(Engine, RowsContinueTheParentsTheyName) {
  const auto engine = load(small_architecture());
  std::mt19937 random(11);
  OneSession session(*engine);
  std::vector<Sequence> sources;
  std::vector<SourceId> ids;
  std::vector<std::pair<std::size_t, Sequence>> beams;
  for (int round = 0; round < 25; ++round) {
    if (round % 8 == 0) {  // sources join while others run
      sources.push_back(
          testing::random_source(engine->architecture(), 5 + round, 60U + static_cast<unsigned>(round)));
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
      ASSERT_EQ(logits[i], last_row(engine->forward(sources[beams[i].first], beams[i].second).value()))
          << "round " << round << " row " << i;
  }
}

TEST(Engine, RemovedSourcesLeaveTheOthersAsTheyWere) {
  const auto engine = load(small_architecture());
  const Sequence first = testing::random_source(engine->architecture(), 12, 20);
  const Sequence second = testing::random_source(engine->architecture(), 9, 21);
  OneSession session(*engine);
  const SourceId first_id = session.add(first);
  const SourceId second_id = session.add(second);
  const Sequence start{0};
  session.step({{first_id, -1, start}, {second_id, -1, start}});
  (*session).remove(first_id);
  const Sequence more{8};
  EXPECT_EQ(session.step({{second_id, 1, more}}).front(),
            last_row(engine->forward(second, Sequence{0, 8}).value()));
}

TEST(Engine, WidenedWeightsComputeAsFloat32Ones) {
  const Architecture architecture = small_architecture();
  for (const DType dtype : {DType::kBFloat16, DType::kFloat16}) {
    const Checkpoint narrow = testing::random_checkpoint(architecture, 7, dtype);
    // The same values, as float32, at an address that is not aligned.
    auto storage = std::make_shared<std::vector<std::vector<std::byte>>>();
    Weights::Map wide;
    for (const auto& [name, tensor] : narrow.weights.tensors()) {
      std::vector<float> values(static_cast<std::size_t>(tensor.element_count()));
      widen_to_float32(tensor, values);
      const auto bytes = std::as_bytes(std::span(values));
      std::vector<std::byte> shifted(1);
      shifted.insert(shifted.end(), bytes.begin(), bytes.end());
      storage->push_back(std::move(shifted));
      wide[name] = {DType::kFloat32, tensor.shape, std::span<const std::byte>(storage->back()).subspan(1)};
    }
    Checkpoint unaligned = narrow;
    unaligned.weights = Weights(std::move(wide), storage);
    const Sequence source = testing::random_source(architecture, 14, 30);
    const Sequence target{0, 3, 4};
    const auto first = Engine::load(narrow, {}).value()->forward(source, target).value();
    const auto second = Engine::load(unaligned, {}).value()->forward(source, target).value();
    EXPECT_EQ(first.values, second.values);
  }
}

TEST(Engine, RefusesWhatItDoesNotComputeByName) {
  const auto refusal = [](auto change) {
    Architecture architecture = small_architecture();
    change(architecture);
    const auto engine = Engine::load(testing::random_checkpoint(architecture, 7), {});
    EXPECT_FALSE(engine);
    if (engine) return std::string();
    EXPECT_EQ(engine.error().code, ErrorCode::kUnsupported);
    return engine.error().detail;
  };
  EXPECT_THAT(refusal([](Architecture& a) { a.topology = Topology::kDecoderOnly; }),
              HasSubstr("decoder-only"));
  EXPECT_THAT(refusal([](Architecture& a) { a.normalization = Normalization::kRmsNorm; }),
              HasSubstr("RMS norm"));
  EXPECT_THAT(refusal([](Architecture& a) { a.norm_placement = NormPlacement::kAfter; }),
              HasSubstr("after the residual"));
  EXPECT_THAT(refusal([](Architecture& a) { a.positions = PositionEncoding::kAlibi; }),
              HasSubstr("positions"));
  EXPECT_THAT(refusal([](Architecture& a) { a.gated_ffn = true; }), HasSubstr("gated"));
  EXPECT_THAT(refusal([](Architecture& a) { a.embedding_norm = true; }),
              HasSubstr("norm after the embeddings"));
}

TEST(Engine, NamesTheTensorThatDoesNotFit) {
  Checkpoint checkpoint = testing::random_checkpoint(small_architecture(), 7);
  auto tensors = checkpoint.weights.tensors();
  tensors.at("encoder.layers.1.feed_forward.up.weight").shape = {32, 48};
  Checkpoint misshapen = checkpoint;
  misshapen.weights = Weights(tensors, std::make_shared<Weights>(checkpoint.weights));
  const auto engine = Engine::load(misshapen, {});
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(engine.error().detail,
              HasSubstr("encoder.layers.1.feed_forward.up.weight has shape [32, 48], not [48, 32]"));
  tensors.erase("encoder.layers.1.feed_forward.up.weight");
  misshapen.weights = Weights(tensors, std::make_shared<Weights>(checkpoint.weights));
  EXPECT_THAT(Engine::load(misshapen, {}).error().detail, HasSubstr("up.weight is missing"));
}

TEST(Engine, RefusesTextsThatDoNotFit) {
  const auto engine = load(small_architecture());
  auto session = engine->start_session().value();
  const auto code = [&](Sequence source) {
    return session->add(std::vector<Sequence>{std::move(source)}).error().code;
  };
  EXPECT_EQ(code({}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(Sequence(65, 5)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({5, 101}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({-1}), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(session->add(std::vector<Sequence>{Sequence(64, 5)}));
  EXPECT_EQ(engine->forward({}, Sequence{0}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(engine->encode_hidden(Sequence{1000}).error().code, ErrorCode::kInvalidArgument);
}

TEST(Engine, AStepThatFailsChangesNothing) {
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
            last_row(load(small_architecture())->forward(source, whole).value()));
}

}  // namespace
}  // namespace epicrisis
