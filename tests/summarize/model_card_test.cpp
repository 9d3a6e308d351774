#include "summarize/model_card.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "base/files.hpp"

namespace epicrisis {
namespace {

class ModelCardFile : public ::testing::Test {
 protected:
  Result<ModelCard> read(const char* content) {
    folder_ = std::make_unique<TemporaryDirectory>(TemporaryDirectory::create().value());
    if (content != nullptr) {
      EXPECT_TRUE(write_file_atomically(folder_->path() / "epicrisis.json", content));
    }
    return read_model_card(folder_->path());
  }
  std::unique_ptr<TemporaryDirectory> folder_;
};

TEST_F(ModelCardFile, NamesTheModelAndItsTraining) {
  const auto card = read(R"({"name": "mini", "trained_for": "Nursing notes.", "made_by": 3})");
  ASSERT_TRUE(card) << card.error().to_line();
  EXPECT_EQ(card->name, "mini");
  EXPECT_EQ(card->trained_for, "Nursing notes.");
}

TEST_F(ModelCardFile, TheFolderNamesAModelWithoutOne) {
  const auto card = read(nullptr);
  ASSERT_TRUE(card);
  EXPECT_EQ(card->name, folder_->path().filename().string());
  EXPECT_EQ(card->trained_for, "");
  EXPECT_EQ(read_model_card(folder_->path() / "")->name, folder_->path().filename().string())
      << "with a closing slash too";
}

TEST_F(ModelCardFile, TheReferenceNamesAnUnpackedModel) {
  ASSERT_TRUE(read(nullptr));
  const auto name = [&](const char* reference) {
    return read_model_card(folder_->path(), reference).value().name;
  };
  EXPECT_EQ(name("shelf/mini.tar.gz"), "mini");
  EXPECT_EQ(name("mini"), "mini");
  EXPECT_EQ(name("shelf/mini/"), "mini");
  EXPECT_EQ(name("."), folder_->path().filename().string());
}

TEST_F(ModelCardFile, IsRefusedWhenDamaged) {
  EXPECT_EQ(read("{\"name\": ").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(read("[]").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(read(R"({"name": 3})").error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace epicrisis
