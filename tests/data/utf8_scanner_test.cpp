#include "data/detail/utf8_scanner.hpp"

#include <gtest/gtest.h>

#include <string>

namespace epicrisis::data::detail {
namespace {

using Fault = Utf8Scanner::Fault;
using namespace std::string_literals;

/// Scans `text` in blocks of `size` bytes.
Utf8Scanner scan_in_blocks(const std::string& text, std::size_t size) {
  Utf8Scanner scanner;
  for (std::size_t i = 0; i < text.size(); i += size) {
    const std::string block = text.substr(i, size);
    if (scanner.scan(block) < block.size()) return scanner;
  }
  scanner.finish();
  return scanner;
}

struct Case {
  const char* name;
  std::string text;
  Fault fault;
  std::uint64_t offset;
};

class Scanning : public ::testing::TestWithParam<Case> {};

TEST_P(Scanning, FindsTheFaultWhereverBlocksEnd) {
  const Case& c = GetParam();
  for (std::size_t size = 1; size <= c.text.size(); ++size) {
    const Utf8Scanner scanner = scan_in_blocks(c.text, size);
    EXPECT_EQ(scanner.fault(), c.fault) << "blocks of " << size;
    if (c.fault != Fault::kNone) {
      EXPECT_EQ(scanner.fault_offset(), c.offset) << "blocks of " << size;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table37, Scanning,
    ::testing::Values(Case{"ascii", "plain\r\n", Fault::kNone, 0},
                      Case{"all_lengths", "\u00B5 \u20AC \U0001F691 \uFFFF \U0010FFFF", Fault::kNone, 0},
                      Case{"borders", "\u0080\u07FF\u0800\uD7FF\uE000\U00010000", Fault::kNone, 0},
                      Case{"lone_continuation", "ab\x80", Fault::kInvalid, 2},
                      Case{"overlong_two", "a\xC0\x80", Fault::kInvalid, 1},
                      Case{"overlong_three", "a\xE0\x9F\x80", Fault::kInvalid, 1},
                      Case{"overlong_four", "a\xF0\x8F\x80\x80", Fault::kInvalid, 1},
                      Case{"surrogate", "ab\xED\xA0\x80", Fault::kInvalid, 2},
                      Case{"past_the_end", "\xF4\x90\x80\x80", Fault::kInvalid, 0},
                      Case{"never_a_byte", "abc\xFE", Fault::kInvalid, 3},
                      Case{"cut_by_ascii", "\xE2\x82x", Fault::kInvalid, 0},
                      Case{"cut_by_the_end", "ab\xE2\x82", Fault::kInvalid, 2},
                      Case{"nul", "ab\0c"s, Fault::kNul, 2}),
    [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace epicrisis::data::detail
