#include "summarize/note_check.hpp"

#include <gtest/gtest.h>

namespace epicrisis {
namespace {

TEST(NoteCheck, AcceptsText) {
  EXPECT_EQ(note_problem("Pt stable. T 37.2 \u00B0C"), std::nullopt);
  EXPECT_EQ(note_problem("\u60A3\u8005"), std::nullopt);
}

TEST(NoteCheck, RefusesWhatHoldsNothing) {
  EXPECT_EQ(note_problem(""), "is empty.");
  EXPECT_EQ(note_problem(" \t\r\n"), "holds nothing but white space.");
  EXPECT_EQ(note_problem("\uFEFF\u00A0\u3000\n"), "holds nothing but white space.");
}

TEST(NoteCheck, RefusesWhatIsNoSingleNote) {
  EXPECT_EQ(note_problem(std::string(kMaxNoteBytes, 'a')), std::nullopt);
  EXPECT_EQ(note_problem(std::string(kMaxNoteBytes + 1, 'a')),
            "is 524289 bytes long, and no single note is longer than 524288: split it into its notes.");
}

TEST(NoteCheck, NamesTheFirstWrongByte) {
  EXPECT_EQ(note_problem("ok \xC3\xA9 \xE2\x82 no\x01"), "is not valid UTF-8 (byte 6); convert it to UTF-8.");
  // A character cut off that begins like U+FFFD, the usual replacement.
  EXPECT_EQ(note_problem("ab\xEF\xBF \x01"), "is not valid UTF-8 (byte 2); convert it to UTF-8.");
  EXPECT_EQ(note_problem("ab\x01\xEF\xBF"), "is not valid UTF-8 (byte 3); convert it to UTF-8.");
  EXPECT_EQ(note_problem("\xED\xA0\x80\x01"), "is not valid UTF-8 (byte 0); convert it to UTF-8.")
      << "surrogate";
}

TEST(NoteCheck, RecognisesWindows1252) {
  EXPECT_EQ(
      note_problem("Temp 38.5\xB0 today\r\n"),
      "is not valid UTF-8 (byte 9); it looks like WINDOWS-1252: convert it with 'iconv -f WINDOWS-1252 -t "
      "UTF-8'.");
}

TEST(NoteCheck, RecognisesUtf16) {
  using namespace std::string_view_literals;
  EXPECT_EQ(note_problem("\xFF\xFEP\0t\0"sv),
            "is not valid UTF-8 (byte 0); it looks like UTF-16: convert it with 'iconv -f UTF-16 -t UTF-8'.");
}

}  // namespace
}  // namespace epicrisis
