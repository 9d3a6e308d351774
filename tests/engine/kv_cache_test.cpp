#include "engine/model/kv_cache.hpp"

#include <gtest/gtest.h>

#include <set>

namespace epicrisis::engine {
namespace {

using Slots = std::vector<KvCache::Slot>;

TEST(KvCache, SlotsAreDistinctAndDoNotOverlap) {
  KvCache cache({.layers = 3, .width = 5});
  Slots slots;
  ASSERT_TRUE(cache.take(200, slots));
  EXPECT_EQ(std::set<KvCache::Slot>(slots.begin(), slots.end()).size(), 200U);
  std::set<const float*> elements;
  for (const KvCache::Slot slot : slots) {
    for (int layer = 0; layer < 3; ++layer) {
      for (int i = 0; i < 5; ++i) {
        elements.insert(cache.position(slot) + cache.key_offset(layer) + i);
        elements.insert(cache.position(slot) + cache.value_offset(layer) + i);
      }
    }
  }
  EXPECT_EQ(elements.size(), 200U * 3 * 2 * 5);
}

TEST(KvCache, ASlotIsFreeOnceNoHypothesisNamesIt) {
  KvCache cache({.layers = 1, .width = 4});
  Slots parent;
  ASSERT_TRUE(cache.take(3, parent));
  cache.retain(parent);  // two hypotheses grew from it
  cache.release(parent);
  EXPECT_EQ(cache.used(), 3);
  cache.release(parent);
  EXPECT_EQ(cache.used(), 0);
  Slots next;
  ASSERT_TRUE(cache.take(3, next));
  EXPECT_EQ(next, parent) << "freed slots are taken again, in order";
}

TEST(KvCache, KeysStayWhereTheyAreWhenTheCacheGrows) {
  KvCache cache({.layers = 2, .width = 8});
  Slots slots;
  ASSERT_TRUE(cache.take(1, slots));
  const float* before = cache.position(slots.front());
  ASSERT_TRUE(cache.take(1000, slots));
  EXPECT_EQ(cache.position(slots.front()), before);
}

TEST(KvCache, AFullCacheTakesNothing) {
  const std::size_t one_chunk = 2UL * 64 * 8 * sizeof(float);
  KvCache cache({.layers = 1, .width = 8, .max_bytes = one_chunk});
  Slots slots;
  ASSERT_TRUE(cache.take(60, slots));
  const auto more = cache.take(5, slots);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(slots.size(), 60U);
  EXPECT_EQ(cache.used(), 60);
  EXPECT_TRUE(cache.take(4, slots));
}

}  // namespace
}  // namespace epicrisis::engine
