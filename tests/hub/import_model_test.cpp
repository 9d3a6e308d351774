#include "hub/import_model.hpp"
#include "checkpoint/derived_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>

#include "base/files.hpp"
#include "base/json.hpp"
#include "checkpoint/archive.hpp"
#include "checkpoint/checkpoint.hpp"
#include "hub/model_files.hpp"
#include "hub/model_search.hpp"
#include "support/families.hpp"
#include "support/fixtures.hpp"
#include "text/tokenizer.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

fs::path kept() { return testing::kept_fixtures_dir() / "pegasus/xsum-like"; }

/// A store, and a copy of the kept model to import and to break.
class Import : public ::testing::Test {
 protected:
  Import() {
    fs::create_directory(model());
    for (const char* name : {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
                             "tokenizer_config.json", "special_tokens_map.json", "spiece.model"})
      fs::copy_file(kept() / name, model() / name);
    write_file_atomically(model() / "notes.txt", "not part of the model").value();
  }
  fs::path model() const { return folder_.path() / "ward-7"; }
  Result<StoreOutcome> import_it(const ImportOptions& options = {}) {
    return import_model(store_, model(), options);
  }
  /// Changes one key of a JSON file of the model.
  void set(const char* file, const char* key, Json value) {
    Json json = read_json_file(model() / file).value();
    json[key] = std::move(value);
    write_file_atomically(model() / file, json.dump()).value();
  }
  void expect_nothing_stored() {
    EXPECT_THAT(store_.list()->models, IsEmpty());
    std::error_code ignored;
    EXPECT_TRUE(!fs::exists(store_.root() / "staging") || fs::is_empty(store_.root() / "staging", ignored));
  }
  void expect_refusal(ErrorCode code, const std::string& named) {
    const auto outcome = import_it();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, code) << outcome.error().to_line();
    EXPECT_THAT(outcome.error().to_line(), HasSubstr(named));
    EXPECT_THAT(outcome.error().to_line(), HasSubstr(model().string()));
    expect_nothing_stored();
  }

  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
  Store store_{folder_.path() / "store"};
};

TEST_F(Import, StoresTheFilesOfTheModelAlone) {
  const auto outcome = import_it();
  ASSERT_TRUE(outcome) << outcome.error().to_line();
  EXPECT_TRUE(outcome->created);
  EXPECT_THAT(outcome->notes, IsEmpty());
  const Manifest& manifest = outcome->model.manifest;
  EXPECT_EQ(outcome->model.reference(), "ward-7@1");
  EXPECT_EQ(manifest.facts, (ModelFacts{"pegasus", 168687, "F32"}));
  EXPECT_EQ(manifest.origin.kind, "import");
  EXPECT_EQ(manifest.origin.source, "ward-7");
  ASSERT_EQ(manifest.files.size(), 7U);
  for (const StoredFile& file : manifest.files) {
    EXPECT_NE(file.path, "notes.txt");
    EXPECT_TRUE(*read_file(outcome->model.files / file.path) == *read_file(model() / file.path)) << file.path;
  }
  EXPECT_THAT(*verify_model(outcome->model), IsEmpty());
  const auto found = store_.find({"ward-7", {}});
  ASSERT_TRUE(found) << found.error().to_line();
  EXPECT_EQ(found->manifest, manifest);
}

TEST_F(Import, GivesEqualContentOneVersion) {
  ASSERT_TRUE(import_it());
  const auto again = import_it();
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->created);
  EXPECT_EQ(again->model.reference(), "ward-7@1");
  ImportOptions other;
  other.version = "9";
  EXPECT_EQ(import_it(other).error().code, ErrorCode::kConflict);
  EXPECT_EQ(store_.list()->models.size(), 1U);

  set("generation_config.json", "num_beams", 4);
  ASSERT_EQ(import_it()->model.reference(), "ward-7@2");
  set("generation_config.json", "num_beams", 5);
  other.version = "1";
  EXPECT_EQ(import_it(other).error().code, ErrorCode::kConflict);
  other.version = "2.1-rc";
  ASSERT_TRUE(import_it(other));
  EXPECT_EQ(store_.find({"ward-7", {}})->reference(), "ward-7@2.1-rc") << "stored last";
  set("generation_config.json", "num_beams", 6);
  EXPECT_EQ(import_it()->model.reference(), "ward-7@3");
}

TEST_F(Import, ReadsAnArchive) {
  const fs::path archive = folder_.path() / "from-archive.tar.gz";
  AtomicFile file = AtomicFile::create(archive).value();
  ASSERT_TRUE(write_tar_gz(list_members(model()).value(),
                           [&](std::span<const std::byte> piece) { return file.write(piece); }));
  ASSERT_TRUE(file.commit());
  const auto outcome = import_model(store_, archive, {});
  ASSERT_TRUE(outcome) << outcome.error().to_line();
  EXPECT_EQ(outcome->model.reference(), "from-archive@1");
  EXPECT_EQ(outcome->model.manifest.content_sha256, import_it()->model.manifest.content_sha256);
}

TEST_F(Import, RefusesAnArchiveThatIsCut) {
  write_file_atomically(folder_.path() / "cut.tar.gz", "\x1f\x8b\x08").value();
  const auto outcome = import_model(store_, folder_.path() / "cut.tar.gz", {});
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().to_line(), HasSubstr("cut.tar.gz"));
  expect_nothing_stored();
}

TEST_F(Import, NamesWhatIsMissing) {
  fs::remove(model() / "config.json");
  expect_refusal(ErrorCode::kNotFound, "config.json");
}

TEST_F(Import, NamesMissingWeights) {
  fs::remove(model() / "model.safetensors");
  expect_refusal(ErrorCode::kNotFound, "model.safetensors");
}

TEST_F(Import, NamesAMissingTokenizer) {
  fs::remove(model() / "tokenizer.json");
  fs::remove(model() / "spiece.model");
  const auto outcome = import_it();
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().to_line(), HasSubstr("tokenizer"));
  expect_nothing_stored();
}

TEST_F(Import, NamesAnUnknownFamily) {
  set("config.json", "model_type", "quux");
  expect_refusal(ErrorCode::kUnsupported, "quux");
}

TEST_F(Import, NamesATensorOfAnotherShape) {
  set("config.json", "encoder_ffn_dim", 95);
  expect_refusal(ErrorCode::kCorrupt, "fc1");
}

TEST_F(Import, NamesATokenizerThatIsTooLarge) {
  // Another vocabulary than the embeddings': an entry nobody trained.
  Json tokenizer = read_json_file(model() / "tokenizer.json").value();
  Json& vocabulary = tokenizer["model"]["vocab"];
  for (int i = 0; i < 5000; ++i) vocabulary.push_back(Json::array({"qqq" + std::to_string(i), -20.0}));
  write_file_atomically(model() / "tokenizer.json", tokenizer.dump()).value();
  expect_refusal(ErrorCode::kCorrupt, "vocab_size");
}

TEST_F(Import, NotesASpecialTokenWithoutAnEmbedding) {
  Json tokenizer = read_json_file(model() / "tokenizer.json").value();
  Json mask = tokenizer["added_tokens"].back();
  mask["id"] = 1503;
  mask["content"] = "<mask_of_bart>";
  tokenizer["added_tokens"].push_back(mask);
  write_file_atomically(model() / "tokenizer.json", tokenizer.dump()).value();
  const auto outcome = import_it();
  ASSERT_TRUE(outcome) << outcome.error().to_line();
  ASSERT_EQ(outcome->notes.size(), 1U);
  EXPECT_THAT(outcome->notes.front(), HasSubstr("<mask_of_bart>"));

  tokenizer["added_tokens"].back()["id"] = 2'000'000'000;
  write_file_atomically(model() / "tokenizer.json", tokenizer.dump()).value();
  const auto refused = import_it();
  ASSERT_FALSE(refused) << "an id from a file must not drive a loop";
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
}

TEST_F(Import, NamesDamagedWeights) {
  const std::string weights = read_file(model() / "model.safetensors").value();
  write_file_atomically(model() / "model.safetensors", weights.substr(0, weights.size() / 2)).value();
  expect_refusal(ErrorCode::kCorrupt, "model.safetensors");
}

TEST_F(Import, KeepsNamesApart) {
  ImportOptions options;
  options.reserved_names = {"ward-7"};
  EXPECT_EQ(import_it(options).error().code, ErrorCode::kConflict);
  options.name = "../x";
  EXPECT_EQ(import_it(options).error().code, ErrorCode::kInvalidArgument);
  options.name = "mine";
  options.version = "a/b";
  EXPECT_EQ(import_it(options).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(import_model(store_, folder_.path() / "nosuch", {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(import_model(store_, model() / "config.json", {}).error().code, ErrorCode::kInvalidArgument);
  expect_nothing_stored();
}

TEST_F(Import, ManyAtOnceGiveOneVersion) {
  std::vector<std::thread> threads;
  std::vector<int> created(4, 0);
  for (std::size_t i = 0; i < created.size(); ++i) {
    threads.emplace_back([this, &created, i] {
      const auto outcome = import_it();
      created[i] = outcome ? static_cast<int>(outcome->created) : -1;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::count(created.begin(), created.end(), 1), 1);
  EXPECT_EQ(std::count(created.begin(), created.end(), 0), 3);
  EXPECT_EQ(store_.list()->models.size(), 1U);
}

TEST_F(Import, IsFoundByReference) {
  ASSERT_TRUE(import_it());
  set("generation_config.json", "num_beams", 4);
  const std::string content = import_it()->model.manifest.content_sha256;
  const ModelSearch search{{folder_.path() / "bundled"}, store_.root()};
  EXPECT_EQ(resolve_model_in(search, "ward-7")->name(), "ward-7@2");
  EXPECT_EQ(resolve_model_in(search, "ward-7@1")->path(), store_.root() / "models/ward-7/1/files");
  EXPECT_EQ(resolve_model_in(search, "ward-7@sha256:" + content.substr(0, 8))->name(), "ward-7@2");
  for (const char* wrong : {"ward-7@3", "ward-8", "ward-8@1"}) {
    const auto missing = resolve_model_in(search, wrong);
    ASSERT_FALSE(missing) << wrong;
    EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
    EXPECT_THAT(missing.error().to_line(), HasSubstr(store_.root().string()));
  }
  // What lies in a folder of models goes before the store; a version is the store's.
  fs::create_directories(folder_.path() / "bundled/ward-7");
  fs::copy_file(kept() / "config.json", folder_.path() / "bundled/ward-7/config.json");
  EXPECT_EQ(resolve_model_in(search, "ward-7")->path(), folder_.path() / "bundled/ward-7");
  EXPECT_EQ(resolve_model_in(search, "ward-7@2")->name(), "ward-7@2");
  const auto bundled = bundled_models(search.places);
  ASSERT_EQ(bundled.size(), 1U);
  EXPECT_EQ(bundled.front().name, "ward-7");
}

TEST_F(Import, EveryDamageIsNamed) {
  const StoredModel model = import_it()->model;
  write_file_atomically(model.files / "config.json", std::string(1029, ' ')).value();
  write_file_atomically(model.files / "tokenizer.json", "{}").value();
  fs::remove(model.files / "spiece.model");
  write_file_atomically(model.files / "extra.txt", "").value();
  write_file_atomically(model.files / derived_file_name("int8-0"), "").value();  // no damage
  std::vector<std::string> damages;
  const auto verified = verify_model(model);
  ASSERT_TRUE(verified);
  for (const Damage& damage : *verified) damages.push_back(damage.path + ": " + damage.reason);
  EXPECT_THAT(damages, ElementsAre("config.json: its SHA-256 differs", "spiece.model: missing",
                                   "tokenizer.json: its size differs", "extra.txt: not in the manifest"));
}

TEST_F(Import, DamagedManifestHidesNothingElse) {
  const StoredModel first = import_it()->model;
  set("generation_config.json", "num_beams", 4);
  ASSERT_TRUE(import_it());
  write_file_atomically(store_.root() / "models/ward-7/1/manifest.json", "{").value();
  const auto listing = store_.list();
  ASSERT_TRUE(listing);
  EXPECT_EQ(listing->models.size(), 1U);
  ASSERT_EQ(listing->damaged.size(), 1U);
  EXPECT_THAT(listing->damaged.front().to_line(), HasSubstr("ward-7@1"));
  EXPECT_EQ(store_.find({"ward-7", "2"})->reference(), "ward-7@2");
  EXPECT_FALSE(store_.find({"ward-7", "1"}));
  EXPECT_EQ(store_.find({"ward-7", "9"}).error().code, ErrorCode::kNotFound) << "not the damage of another";
  const auto versions = store_.list({"ward-7", {}});
  ASSERT_TRUE(versions);
  EXPECT_EQ(versions->models.size(), 1U);
  EXPECT_EQ(versions->damaged.size(), 1U);
  EXPECT_THAT(*store_.remove({"ward-7", "1"}, false), ElementsAre("ward-7@1"));
  EXPECT_THAT(store_.list()->damaged, IsEmpty());
}

TEST_F(Import, RemovesWhatItIsTold) {
  ASSERT_TRUE(import_it());
  set("generation_config.json", "num_beams", 4);
  ASSERT_TRUE(import_it());
  const auto refused = store_.remove({"ward-7", {}}, false);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().to_line(), HasSubstr("--all"));
  EXPECT_EQ(store_.remove({"ward-8", {}}, true).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_.remove({"ward-7", "3"}, false).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(*store_.remove({"ward-7", "2"}, false), ElementsAre("ward-7@2"));
  EXPECT_EQ(store_.find({"ward-7", {}})->reference(), "ward-7@1");
  EXPECT_THAT(*store_.remove({"ward-7", {}}, true), ElementsAre("ward-7@1"));
  expect_nothing_stored();
  EXPECT_FALSE(fs::exists(store_.root() / "models/ward-7"));
}

TEST_F(Import, WhatACrashLeftIsInvisibleAndGoes) {
  ASSERT_TRUE(import_it());
  const fs::path left = store_.root() / "staging/.epicrisis-dead00";
  fs::create_directories(left / "files");
  fs::create_directories(store_.root() / "models/ward-7/7");  // a folder without a manifest
  EXPECT_EQ(store_.list()->models.size(), 1U);
  {
    const auto alive = store_.stage();
    ASSERT_TRUE(alive);
    EXPECT_FALSE(fs::exists(left));
    const auto second = store_.stage();
    EXPECT_TRUE(fs::exists(alive->folder())) << "a living one was taken for a dead one";
  }
}

TEST(ModelCheck, PassesEveryFixtureThatLoads) {
  std::size_t checked_count = 0;
  for (const fs::path& folder : testing::find_fixtures("", "config.json")) {
    if (!testing::is_listed_family(testing::family_of(folder)) || testing::family_of(folder) == "tokenizers")
      continue;
    if (!fs::exists(folder / "expected.json")) continue;  // a tokenizer alone
    const auto checked = check_model(folder);
    EXPECT_TRUE(checked) << folder << ": " << checked.error().to_line();
    ++checked_count;
  }
  EXPECT_GE(checked_count, 1U);
}

TEST(ModelFiles, PreferSafetensorsAndTakeOneFormat) {
  const auto weights = [](std::set<std::string> names) {
    names.insert("config.json");
    const auto choice = choose_model_files(names);
    return choice ? choice->weights + choice->index : std::string();
  };
  EXPECT_EQ(weights({"model.safetensors", "pytorch_model.bin"}), "model.safetensors");
  EXPECT_EQ(weights({"model.safetensors.index.json", "pytorch_model.bin"}), "model.safetensors.index.json");
  EXPECT_EQ(weights({"pytorch_model.bin", "tf_model.h5", "model.fp16.safetensors"}), "pytorch_model.bin");
  EXPECT_EQ(weights({"pytorch_model.bin.index.json"}), "pytorch_model.bin.index.json");
  EXPECT_EQ(weights({"flax_model.msgpack"}), "");
}

TEST(ModelFiles, ReadShardNamesOnce) {
  const auto shards = read_shard_names(R"({"weight_map": {"a": "m-2.bin", "b": "m-1.bin", "c": "m-2.bin"}})",
                                       "pytorch_model.bin.index.json", "index");
  ASSERT_TRUE(shards);
  EXPECT_THAT(*shards, ElementsAre("m-1.bin", "m-2.bin"));
  for (const char* wrong : {"", "[]", "{}", R"({"weight_map": {}})", R"({"weight_map": {"a": 1}})",
                            R"({"weight_map": {"a": "../m.bin"}})", R"({"weight_map": {"a": "/m.bin"}})"}) {
    const auto read = read_shard_names(wrong, "pytorch_model.bin.index.json", "index");
    ASSERT_FALSE(read) << wrong;
    EXPECT_THAT(read.error().to_line(), HasSubstr("index"));
  }
}

}  // namespace
}  // namespace epicrisis
