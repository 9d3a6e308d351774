#include "text/unicode/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

#include "text/unicode/base64.hpp"

namespace epicrisis {
namespace {

TEST(Utf8, RefusesOverlongSurrogateAndOutOfRangeForms) {
  EXPECT_TRUE(is_valid_utf8("5 \u00B5g \u20AC \U0001F48A"));
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_FALSE(is_valid_utf8("\xC0\xAF"));          // overlong '/'
  EXPECT_FALSE(is_valid_utf8("\xE0\x80\x80"));      // overlong NUL
  EXPECT_FALSE(is_valid_utf8("\xED\xA0\x80"));      // surrogate
  EXPECT_FALSE(is_valid_utf8("\xF4\x90\x80\x80"));  // past U+10FFFF
  EXPECT_FALSE(is_valid_utf8("12345678\x80"));      // after a run of ASCII
  EXPECT_FALSE(is_valid_utf8("\xE2\x82"));          // cut short
}

TEST(Utf8, EachMaximalIllFormedPartBecomesOneReplacement) {
  // The example of the Unicode Standard 15, table 3-8.
  EXPECT_EQ(to_valid_utf8("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64"),
            "a\uFFFD\uFFFD\uFFFDb\uFFFDc\uFFFD\uFFFDd");
  EXPECT_EQ(to_valid_utf8("caf\xE9 39\xB0"
                          "C"),
            "caf\uFFFD 39\uFFFDC");  // Windows-1252
  EXPECT_EQ(to_valid_utf8("plain"), "plain");
}

TEST(Utf8, DecodesAndAppendsEveryLength) {
  const std::string text = "a\u00B5\u20AC\U0001F48A";
  std::string copy;
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++count) {
    const CodePoint next = decode_code_point(text, i);
    append_code_point(copy, next.value);
    i += next.size_bytes;
  }
  EXPECT_EQ(copy, text);
  EXPECT_EQ(count, 4U);
  EXPECT_EQ(count_code_points(text), 4U);
  EXPECT_EQ(decode_code_point(text, 6).value, 0x1F48AU);
}

TEST(Utf8, LossyDecodingNeverReadsPastTheEnd) {
  const std::string cut = "\xF0\x9F";
  EXPECT_EQ(decode_code_point_lossy(cut, 0).value, 0xFFFDU);
  EXPECT_EQ(decode_code_point_lossy(cut, 0).size_bytes, 2U);
}

TEST(Utf8, KnowsWhiteSpaceAndWordCharacters) {
  for (const char32_t space : {U' ', U'\t', U'\u0085', U'\u00A0', U'\u2009', U'\u3000'})
    EXPECT_TRUE(is_white_space(space));
  EXPECT_FALSE(is_white_space(U'\u200B'));
  for (const char32_t word : {U'a', U'_', U'7', U'\u00E9', U'\u0301', U'\u200D'})
    EXPECT_TRUE(is_word_character(word));
  for (const char32_t other : {U'-', U'.', U' ', U'\u20AC'}) EXPECT_FALSE(is_word_character(other));
}

TEST(Base64, ReadsTheVectorsOfRfc4648AndItsOwnOutput) {
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_EQ(decode_base64("Zg=="), "f");
  EXPECT_EQ(decode_base64("Zm8="), "fo");
  EXPECT_EQ(decode_base64("Zm9vYmFy"), "foobar");
  for (const char* text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"})
    EXPECT_EQ(decode_base64(encode_base64(text)), text);
}

TEST(Base64, RefusesWhatIsNoBase64) {
  for (const char* text : {"Zg", "Zg=", "Z===", "====", "Zm9v!mFy", "Zg==Zg=="})
    EXPECT_FALSE(decode_base64(text)) << text;
}

}  // namespace
}  // namespace epicrisis
