#include "synth/content_reader.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/files.hpp"
#include "base/json.hpp"
#include "support/fixtures.hpp"

namespace epicrisis::synth {
namespace {
namespace fs = std::filesystem;

fs::path shipped() { return epicrisis::testing::source_dir() / "data" / "synth"; }

/// A copy of the shipped data in which one text is replaced by another.
class AlteredData {
 public:
  AlteredData() : folder_(TemporaryDirectory::create().value()) {
    fs::copy(shipped(), folder_.path(), fs::copy_options::recursive);
  }

  Error error_after(const std::string& file, const std::string& from, const std::string& to) {
    std::string text = read_file(shipped() / file).value();
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    EXPECT_TRUE(write_file_atomically(folder_.path() / file, text));
    const Result<Content> content = read_content(folder_.path());
    EXPECT_FALSE(content);
    return content ? Error{} : content.error();
  }

 private:
  TemporaryDirectory folder_;
};

TEST(ContentReader, ReadsTheShippedData) {
  const Result<Content> content = read_content(shipped());
  ASSERT_TRUE(content) << content.error().to_line();
  std::size_t held_out = 0;
  for (const Presentation& presentation : content->presentations) {
    EXPECT_FALSE(presentation.source.empty()) << presentation.id;
    held_out += presentation.held_out ? 1 : 0;
  }
  EXPECT_GE(content->presentations.size() - held_out, 60U);
  EXPECT_EQ(held_out, 10U);
}

TEST(ContentReader, HoldsOutAThirdOfTheProductions) {
  const Result<Content> content = read_content(shipped());
  std::size_t all = 0;
  std::size_t held_out = 0;
  for (const auto& [name, productions] : content->rules) {
    if (name.starts_with("sum")) continue;
    std::size_t kept = 0;
    for (const Production& production : productions) {
      ++all;
      held_out += production.held_out ? 1 : 0;
      kept += production.held_out ? 0 : 1;
    }
    EXPECT_GE(kept, 1U) << name;
  }
  EXPECT_NEAR(static_cast<double>(held_out) / static_cast<double>(all), 1.0 / 3, 0.01);
}

TEST(ContentReader, SaysWhatIsWrongAndWhere) {
  const std::string cardiac = "presentations/cardiac.json";
  const Error slot = AlteredData().error_after(cardiac, "{trop} ng/L", "{tropp} ng/L");
  EXPECT_EQ(slot.public_message, "stemi: nothing fills the slot '{tropp}'.");
  const Error flag = AlteredData().error_after(cardiac, "@!shift first", "@!shfit first");
  EXPECT_EQ(flag.public_message, "stemi: no note ever has the flag 'shfit'.");
  const Error key = AlteredData().error_after(cardiac, "\"denies\"", "\"denys\"");
  EXPECT_NE(key.public_message.find("cardiac.json: stemi: 'denys' is not a known key."), std::string::npos)
      << key.public_message;
  const Error source = AlteredData().error_after(cardiac, "\"source\"", "\"sex\":\"f\",\"id2\"");
  EXPECT_NE(source.public_message.find("cardiac.json: stemi: 'id2' is not a known key."), std::string::npos);
  const Error type = AlteredData().error_after(cardiac, "\"triage\"", "\"triaje\"");
  EXPECT_EQ(type.public_message, "stemi: no such note type 'triaje'.");
  const Error range = AlteredData().error_after(cardiac, "\"hr\":[86,118]", "\"hr\":[118,86]");
  EXPECT_NE(range.public_message.find("stemi: 'hr' of 'vitals': low must not exceed high."),
            std::string::npos)
      << range.public_message;
  const Error hole = AlteredData().error_after("grammar.json", "[\"{s.open}\",", "[\"{s.open\",");
  EXPECT_NE(hole.public_message.find("Unclosed"), std::string::npos) << hole.public_message;
  for (const Error& error : {slot, flag, key, source, type, range, hole}) {
    EXPECT_EQ(error.code, ErrorCode::kCorrupt);
    EXPECT_EQ(error.to_line().find('\n'), std::string::npos);
  }
}

TEST(ContentReader, MissingDataIsNotFound) {
  EXPECT_EQ(read_content("/no/such/folder").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace epicrisis::synth
