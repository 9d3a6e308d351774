#include "engine/model/position_bias.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace epicrisis::engine {
namespace {

TEST(PositionBiasTable, GivesTheBiasOfEveryDistance) {
  std::vector<float> weights(9 * 3);
  std::iota(weights.begin(), weights.end(), 0.5F);
  for (const bool causal : {false, true}) {
    const RelativeBuckets buckets{9, 21, !causal};
    const PositionBias bias = PositionBias::relative(weights.data(), buckets, 3);
    PositionBiasTable table(bias, causal);
    for (const int length : {1, 70, 200}) {  // the last two make it grow
      table.extend(length);
      for (int head = 0; head < 3; ++head) {
        for (int query = 0; query < length; ++query) {
          const float* row = table.row(head, query);
          for (int key = 0; key < (causal ? query + 1 : length); ++key)
            ASSERT_EQ(row[key], weights[static_cast<std::size_t>(buckets.of(key - query) * 3 + head)])
                << "head " << head << " query " << query << " key " << key;
        }
      }
    }
  }
}

TEST(PositionBiasTable, AlibiFallsWithTheDistance) {
  const PositionBias bias = PositionBias::alibi(2);
  PositionBiasTable table(bias, true);
  table.extend(10);
  EXPECT_EQ(table.row(0, 9)[9], 0.0F);
  EXPECT_EQ(table.row(0, 9)[0], -9.0F / 16);
  EXPECT_EQ(table.row(1, 3)[1], -2.0F / 256);
}

TEST(PositionBiasTable, HasNoRowsWithoutABias) {
  const PositionBias none;
  PositionBiasTable table(none, true);
  table.extend(10);
  EXPECT_EQ(table.row(0, 5), nullptr);
}

}  // namespace
}  // namespace epicrisis::engine
