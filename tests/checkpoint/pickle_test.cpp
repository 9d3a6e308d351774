#include "checkpoint/detail/pickle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace epicrisis::detail {
namespace {

using ::testing::HasSubstr;
using std::string_literals::operator""s;

Result<Pickle> read(const std::string& bytes) {
  return read_pickle(std::as_bytes(std::span(bytes)), "m.bin");
}

const PickleNode& root(const Pickle& pickle) { return pickle.nodes[pickle.root]; }

TEST(Pickle, ReadsConstantsOfEveryProtocol) {
  EXPECT_EQ(root(*read("\x80\x02N."s)).kind, PickleKind::kNone);
  EXPECT_EQ(root(*read("\x80\x02\x88."s)).integer, 1);
  EXPECT_EQ(root(*read("K\xff."s)).integer, 255);
  EXPECT_EQ(root(*read("M\x01\x02."s)).integer, 513);
  EXPECT_EQ(root(*read("J\xfe\xff\xff\xff."s)).integer, -2);
  EXPECT_EQ(root(*read("\x8a\x02\x00\x80."s)).integer, -32768);
  EXPECT_EQ(root(*read("\x8a\x00."s)).integer, 0);
  EXPECT_EQ(root(*read("X\x02\x00\x00\x00hi."s)).text, "hi");
  EXPECT_EQ(root(*read("\x80\x04\x95\x05\0\0\0\0\0\0\0\x8c\x02hi\x94."s)).text, "hi");
}

TEST(Pickle, BuildsContainersThroughTheMemo) {
  const auto pickle = read(
      "\x80\x02}q\x00(X\x01\x00\x00\x00"
      "a(K\x01K\x02tq\x01X\x01\x00\x00\x00"
      "bh\x01u."s);
  ASSERT_TRUE(pickle) << pickle.error().to_line();
  const PickleNode& dict = root(*pickle);
  ASSERT_EQ(dict.items.size(), 4U);
  EXPECT_EQ(dict.items[1], dict.items[3]);
  EXPECT_EQ(pickle->nodes[dict.items[1]].items.size(), 2U);
}

TEST(Pickle, SurvivesAListThatHoldsItself) {
  const auto pickle = read(
      "]q\x00h\x00"
      "a."s);
  ASSERT_TRUE(pickle);
  EXPECT_EQ(root(*pickle).items.front(), pickle->root);
}

TEST(Pickle, StopsAtItsEnd) {
  const auto pickle = read("K\x01.and more"s);
  ASSERT_TRUE(pickle);
  EXPECT_EQ(pickle->size_bytes, 3U);
}

struct BadPickle {
  const char* name;
  std::string bytes;
  ErrorCode code;
  std::string says;
};
std::ostream& operator<<(std::ostream& out, const BadPickle& bad) { return out << bad.name; }
class BadPickles : public ::testing::TestWithParam<BadPickle> {};

INSTANTIATE_TEST_SUITE_P(
    Bytes, BadPickles,
    ::testing::Values(
        BadPickle{"system", "cos\nsystem\n(X\x02\0\0\0lstR."s, ErrorCode::kUnsupported, "'os.system'"},
        BadPickle{"eval", "c__builtin__\neval\n."s, ErrorCode::kUnsupported, "'__builtin__.eval'"},
        BadPickle{"near_name", "ctorch._utils\n_rebuild_tensor_v3\n."s, ErrorCode::kUnsupported,
                  "_rebuild_tensor_v3"},
        BadPickle{"stack_global", "\x8c\x02os\x8c\x06system\x93."s, ErrorCode::kUnsupported, "'os.system'"},
        BadPickle{"inst", "(ios\nsystem\n."s, ErrorCode::kUnsupported, "opcode 0x69"},
        BadPickle{"newobj", ")\x81."s, ErrorCode::kUnsupported, "opcode 0x81"},
        BadPickle{"extension", "\x82\x01."s, ErrorCode::kUnsupported, "opcode 0x82"},
        BadPickle{"escape_codes", "co\x1b[2J\nx\n."s, ErrorCode::kUnsupported, "o\\x1b[2J.x"},
        BadPickle{"huge_integer", "\x8a\x09\1\1\1\1\1\1\1\1\1."s, ErrorCode::kUnsupported, "8 bytes"},
        BadPickle{"empty", "", ErrorCode::kCorrupt, "too early"},
        BadPickle{"no_stop", "K\x01"s, ErrorCode::kCorrupt, "too early"},
        BadPickle{"nothing_to_return", "."s, ErrorCode::kCorrupt, "empty stack"},
        BadPickle{"text_past_end", "X\xff\xff\xff\xffhi."s, ErrorCode::kCorrupt, "too early"},
        BadPickle{"text_past_end_64", "\x8d\xff\xff\xff\xff\xff\xff\xff\xffhi."s, ErrorCode::kCorrupt,
                  "too early"},
        BadPickle{"no_mark", "K\x01t."s, ErrorCode::kCorrupt, "missing mark"},
        BadPickle{"through_mark", "K\x01(\x85."s, ErrorCode::kCorrupt, "empty stack"},
        BadPickle{"odd_items", "}(K\x01u."s, ErrorCode::kCorrupt, "key without a value"},
        BadPickle{"items_of_number",
                  "K\x01K\x02"
                  "a."s,
                  ErrorCode::kCorrupt, "cannot hold"},
        BadPickle{"no_memo", "h\x07."s, ErrorCode::kCorrupt, "reference to nothing"},
        BadPickle{"call_of_number", "K\x01)R."s, ErrorCode::kCorrupt, "cannot be called"},
        BadPickle{"storage_called", "ctorch\nFloatStorage\n)R."s, ErrorCode::kCorrupt, "wrong arguments"},
        BadPickle{"tensor_of_nothing", "ctorch._utils\n_rebuild_tensor_v2\n)R."s, ErrorCode::kCorrupt,
                  "wrong arguments"},
        BadPickle{"persistent_number", "K\x01Q."s, ErrorCode::kCorrupt, "no storage"},
        BadPickle{"negative_storage",
                  "(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"
                  "0X\x03\0\0\0cpuJ\xff\xff\xff\xfftQ."s,
                  ErrorCode::kCorrupt, "no storage"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_P(BadPickles, AreRefused) {
  const auto pickle = read(GetParam().bytes);
  ASSERT_FALSE(pickle);
  EXPECT_EQ(pickle.error().code, GetParam().code);
  EXPECT_THAT(pickle.error().to_line(), HasSubstr(GetParam().says));
  EXPECT_THAT(pickle.error().to_line(), HasSubstr("m.bin"));
  EXPECT_EQ(pickle.error().to_line().find_first_of("\n\x1b"), std::string::npos);
}

TEST(Pickle, BoundsItsMemory) {
  const auto pickle = read(std::string(kMaxPickleNodes + 1, 'N') + '.');
  ASSERT_FALSE(pickle);
  EXPECT_EQ(pickle.error().code, ErrorCode::kResourceExhausted);
  EXPECT_FALSE(read(std::string(kMaxPickleBytes, '(') + "N."));
}

}  // namespace
}  // namespace epicrisis::detail
