#include "synth/generator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "support/fixtures.hpp"
#include "synth/content_reader.hpp"

namespace epicrisis::synth {
namespace {

const Content& content() {
  static const Content read = read_content(epicrisis::testing::source_dir() / "data" / "synth").value();
  return read;
}

std::vector<SyntheticNote> notes(Split split, std::uint64_t count, std::uint64_t seed = 11) {
  const Generator generator(content(), {seed, split, 0});
  std::vector<SyntheticNote> made;
  for (std::uint64_t i = 0; i < count; ++i) made.push_back(generator.generate(i));
  return made;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Runs of digits, with a point between digits kept ("4.5"); not those of a name ("SpO2").
std::vector<std::string> numbers(const std::string& text) {
  std::vector<std::string> found;
  std::string number;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ' ';
    const bool point = c == '.' && !number.empty() && i + 1 < text.size() && is_digit(text[i + 1]);
    const bool named = number.empty() && i > 0 && (text[i - 1] == 'O' || text[i - 1] == 'H');
    if ((is_digit(c) && !named) || point) {
      number += c;
    } else if (!number.empty()) {
      found.push_back(number);
      number.clear();
    }
  }
  return found;
}

TEST(Generator, SameSeedSameNotes) {
  const auto first = notes(Split::kAll, 50);
  const auto second = notes(Split::kAll, 50);
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(csv_record(first[i]), csv_record(second[i]));
  EXPECT_NE(notes(Split::kAll, 1, 12).front().note, first.front().note);
}

TEST(Generator, EveryNumberOfASummaryIsInItsNote) {
  for (const SyntheticNote& note : notes(Split::kAll, 4000)) {
    const std::vector<std::string> known = numbers(note.note);
    for (const std::string& number : numbers(note.summary)) {
      if (number == "2" && note.summary.find("SpO2") != std::string::npos)
        continue;  // the name of a vital sign
      EXPECT_NE(std::find(known.begin(), known.end(), number), known.end())
          << note.id << ": " << number << "\n"
          << note.note << "\n=> " << note.summary;
    }
  }
}

}  // namespace
}  // namespace epicrisis::synth
