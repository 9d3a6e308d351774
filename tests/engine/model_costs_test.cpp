#include "engine/model_costs.hpp"

#include <gtest/gtest.h>

#include "checkpoint/model_shapes.hpp"
#include "engine/machine_limits.hpp"

namespace epicrisis {
namespace {

// 16 layers of four [1024, 1024] and two [4096, 1024] matrices, 512 tokens, two operations an element.
TEST(ModelCosts, OfReadingAreTheProductsOfTheEncoder) {
  const Architecture pegasus = published_shape("pegasus-large").value();
  EXPECT_NEAR(reading_operations(pegasus, 512).layers, 206.2e9, 0.1e9);
  EXPECT_NEAR(reading_operations(published_shape("flan-t5-base").value(), 512).layers, 87.0e9, 0.1e9);
  EXPECT_DOUBLE_EQ(reading_operations(pegasus, 512).attention, 16 * 4.0 * 512 * 512 * 1024);
  EXPECT_DOUBLE_EQ(reading_operations(pegasus, 512).memory, 16 * 2.0 * 2 * 1024 * 1024 * 512);
}

TEST(ModelCosts, OfPromptsAreTheProductsOfTheDecoder) {
  const Architecture gpt2 = published_shape("gpt2").value();
  const ReadingOperations operations = reading_operations(gpt2, 512);
  EXPECT_DOUBLE_EQ(operations.layers, 2.0 * 512 * 12 * 12 * 768 * 768);
  EXPECT_DOUBLE_EQ(operations.attention, 12 * 2.0 * 512 * 512 * 768);  // each position sees half of them
  EXPECT_EQ(operations.memory, 0);
}

TEST(ModelCosts, OfStepsAreDecoderOutputAndSource) {
  const Architecture pegasus = published_shape("pegasus-large").value();
  EXPECT_DOUBLE_EQ(step_weight_bytes(pegasus, ComputeType::kInt8),
                   16 * (6.0 * 1024 * 1024 + 2.0 * 1024 * 4096) + 1024.0 * 96103);
  EXPECT_DOUBLE_EQ(step_weight_bytes(pegasus, ComputeType::kFloat32),
                   4 * step_weight_bytes(pegasus, ComputeType::kInt8));
  EXPECT_DOUBLE_EQ(step_source_bytes(pegasus, 512), 16 * 2 * 1024.0 * 512 * 2);
  EXPECT_NEAR(weight_bytes(pegasus, ComputeType::kBFloat16), 1.137e9, 0.001e9);
}

TEST(PublishedShape, HasNoNameForOthers) {
  for (const std::string_view name : kPublishedShapes) EXPECT_TRUE(published_shape(name)) << name;
  EXPECT_FALSE(published_shape("pegasus-small"));
}

// Orders of magnitude only: a busy machine measures little.
TEST(MachineLimits, ArePlausible) {
  for (const ComputeType type : {ComputeType::kFloat32, ComputeType::kBFloat16, ComputeType::kInt8}) {
    const MachineLimits limits = measure_machine_limits(type, 2);
    EXPECT_GT(limits.read_bytes_per_second, 1e7);
    EXPECT_LT(limits.read_bytes_per_second, 1e13);
    EXPECT_GT(limits.operations_per_second, 1e7);
    EXPECT_LT(limits.operations_per_second, 1e14);
  }
}

}  // namespace
}  // namespace epicrisis
