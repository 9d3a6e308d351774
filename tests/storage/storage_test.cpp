// What a data folder keeps, across restarts and against tampering.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "base/files.hpp"
#include "base/folders.hpp"
#include "storage/artifacts/local_object_store.hpp"
#include "storage/audit/audit_log.hpp"
#include "storage/data_folder.hpp"
#include "storage/keys/master_key.hpp"
#include "storage/logs/log_store.hpp"
#include "storage/metadata/database.hpp"

namespace epicrisis::storage {
namespace {

namespace fs = std::filesystem;

class Folder : public ::testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    data_.reset();
    auto opened = DataFolder::open_exclusively(folder());
    ASSERT_TRUE(opened.has_value()) << opened.error().to_line();
    data_ = std::move(*opened);
  }
  fs::path folder() const { return temporary_.path() / "data"; }
  ObjectStore& objects() { return data_->objects(); }
  ObjectInfo put(const std::string& key, const std::string& content) {
    auto writer = objects().put("notes", key);
    EXPECT_TRUE(writer.has_value());
    EXPECT_TRUE((*writer)->write(content).has_value());
    auto info = (*writer)->commit({"text/csv", {{"x-amz-meta-ward", "7"}}});
    EXPECT_TRUE(info.has_value());
    return *info;
  }
  std::string get(const std::string& key) {
    auto reader = objects().open("notes", key);
    if (!reader || !*reader) return "(absent)";
    return *(*reader)->read(0, 1U << 20);
  }
  std::size_t files() const {
    std::size_t count = 0;
    const auto entries = entries_below(folder() / "buckets");
    EXPECT_TRUE(entries.has_value());
    for (const auto& entry : *entries) count += entry.is_regular_file() ? 1 : 0;
    return count;
  }

  TemporaryDirectory temporary_ = *TemporaryDirectory::create();
  std::unique_ptr<DataFolder> data_;
};

TEST_F(Folder, KeysOutliveARestartAndEndAtOnce) {
  const auto made = data_->keys().create(Role::kClinician);
  ASSERT_TRUE(made.has_value());
  reopen();
  auto found = data_->keys().find_active(made->key.id);
  ASSERT_TRUE(found.has_value() && found->has_value());
  EXPECT_EQ((*found)->secret, made->secret);
  EXPECT_EQ((*found)->key.role, Role::kClinician);
  auto beside = KeyFolder::open(folder());
  ASSERT_TRUE(beside.has_value());
  EXPECT_TRUE(beside->keys().disable(made->key.id).has_value());
  EXPECT_FALSE(data_->keys().find_active(made->key.id)->has_value());
  EXPECT_FALSE(data_->keys().disable("EPICNOBODY").has_value());
}

TEST_F(Folder, ARoleThatIsChangedInTheFileMakesTheKeyUseless) {
  const auto made = data_->keys().create(Role::kClinician);
  const auto changed = data_->database().write([](Transaction& transaction) -> Result<void> {
    transaction.execute("UPDATE access_keys SET role = 'admin'");
    return {};
  });
  ASSERT_TRUE(changed.has_value());
  EXPECT_EQ(data_->keys().find_active(made->key.id).error().code, ErrorCode::kCorrupt);
}

TEST_F(Folder, NoSecretIsReadableInAnyFile) {
  const auto made = data_->keys().create(Role::kAdmin);
  data_.reset();
  const auto entries = entries_below(folder());
  ASSERT_TRUE(entries.has_value());
  for (const auto& entry : *entries) {
    if (!entry.is_regular_file()) continue;
    EXPECT_EQ(read_file(entry.path())->find(made->secret), std::string::npos) << entry.path();
  }
  struct stat status {};
  ASSERT_EQ(::stat(master_key_file(folder()).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(Folder, AMasterKeyThatOthersMayReadIsRefused) {
  data_.reset();
  fs::permissions(master_key_file(folder()), fs::perms(0644));
  EXPECT_EQ(DataFolder::open_exclusively(folder()).error().code, ErrorCode::kPermissionDenied);
}

TEST_F(Folder, OneServerAFolder) {
  EXPECT_EQ(DataFolder::open_exclusively(folder()).error().code, ErrorCode::kConflict);
}

TEST_F(Folder, ObjectsAppearWholeAndReplacedOnesGo) {
  ASSERT_TRUE(objects().create_bucket("notes", "us-east-1").has_value());
  EXPECT_EQ(put("a", "one").etag, "f97c5d29941bfb1b2fdab0874906ab82");
  auto reader = objects().open("notes", "a");
  put("a", "two");
  EXPECT_EQ(get("a"), "two");
  EXPECT_EQ(*(*reader)->read(0, 100), "one") << "a reader keeps its version";
  EXPECT_EQ(files(), 2U);
  reader->reset();
  EXPECT_EQ(files(), 1U);
  {
    auto abandoned = objects().put("notes", "b");
    EXPECT_TRUE((*abandoned)->write("half").has_value());
  }
  EXPECT_EQ(get("b"), "(absent)");
  EXPECT_EQ(files(), 1U);
  EXPECT_EQ(objects().delete_bucket("notes").error().code, ErrorCode::kConflict);
  reopen();
  EXPECT_EQ(get("a"), "two");
  EXPECT_EQ((*objects().find("notes", "a"))->metadata.fields.at("x-amz-meta-ward"), "7");
  EXPECT_TRUE(*objects().remove("notes", "a"));
  EXPECT_FALSE(*objects().remove("notes", "a"));
  EXPECT_TRUE(objects().delete_bucket("notes").has_value());
  EXPECT_EQ(files(), 0U);
}

TEST_F(Folder, CopiesOutliveTheirSource) {
  ASSERT_TRUE(objects().create_bucket("notes", "us-east-1").has_value());
  put("a", "content");
  ASSERT_TRUE(objects().copy("notes", "a", "notes", "b", std::nullopt)->has_value());
  EXPECT_TRUE(*objects().remove("notes", "a"));
  EXPECT_EQ(get("b"), "content");
  EXPECT_FALSE(objects().copy("notes", "a", "notes", "c", std::nullopt)->has_value());
}

TEST_F(Folder, ListingIsInByteOrderAndPagesNeitherRepeatNorLose) {
  ASSERT_TRUE(objects().create_bucket("notes", "us-east-1").has_value());
  const std::vector<std::string> keys = {"a",   "a/", "a//b",       "a/b", "a/b/c",
                                         "a/c", "b",  "z/\xC3\xA9", "z/1", "\xC3\xA9"};
  for (const std::string& key : keys) put(key, key);
  for (std::size_t size = 1; size <= keys.size() + 1; ++size) {
    std::vector<std::string> seen;
    ListQuery query;
    query.delimiter = "/";
    query.max_keys = size;
    for (;;) {
      const auto page = objects().list("notes", query);
      ASSERT_TRUE(page.has_value());
      for (const ObjectInfo& object : page->objects) seen.push_back(object.key);
      for (const std::string& prefix : page->common_prefixes) seen.push_back(prefix);
      if (!page->is_truncated) break;
      query.after = page->last;
      query.after_is_prefix = page->last_is_prefix;
    }
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, (std::vector<std::string>{"a", "a/", "b", "z/", "\xC3\xA9"})) << size;
  }
  ListQuery below;
  below.prefix = "a/";
  EXPECT_EQ(objects().list("notes", below)->objects.size(), 5U);
}

TEST_F(Folder, UnfinishedUploadsAreInvisibleAndPartsAreChecked) {
  ASSERT_TRUE(objects().create_bucket("notes", "us-east-1").has_value());
  const UploadInfo upload = *objects().begin_upload("notes", "big", {});
  const auto part = [&](int number, const std::string& content) {
    auto writer = objects().put_part(upload, number);
    EXPECT_TRUE((*writer)->write(content).has_value());
    return PartName{number, (*writer)->commit({})->etag};
  };
  const std::string large(5U << 20, 'x');
  const PartName replaced = part(1, "small");
  const PartName first = part(1, large);
  const PartName last = part(9, "end");
  EXPECT_FALSE(objects().find("notes", "big")->has_value());
  reopen();
  const auto fault = [&](const std::vector<PartName>& parts) {
    return objects().complete_upload(upload, parts)->second;
  };
  EXPECT_EQ(fault({last, first}), CompletionFault::kInvalidPartOrder);
  EXPECT_EQ(fault({replaced, last}), CompletionFault::kInvalidPart);
  EXPECT_EQ(fault({first, last}), std::nullopt);
  EXPECT_EQ((*objects().find("notes", "big"))->size_bytes, large.size() + 3);
  auto reader = objects().open("notes", "big");
  EXPECT_EQ(*(*reader)->read(large.size() - 2, 10), "xxend");
  EXPECT_FALSE(objects().complete_upload(upload, {first}).has_value());
}

TEST_F(Folder, FilesThatNoRowNamesAreSweptAtStart) {
  ASSERT_TRUE(objects().create_bucket("notes", "us-east-1").has_value());
  put("a", "one");
  data_.reset();
  const fs::path orphan = folder() / "buckets" / "notes" / "ab" / "abcdef";
  fs::create_directories(orphan.parent_path());
  ASSERT_TRUE(write_file_atomically(orphan, "left by a killed write").has_value());
  fs::last_write_time(orphan, fs::file_time_type::clock::now() - std::chrono::hours(1));
  reopen();
  for (int i = 0; i < 1000 && is_there(orphan); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_FALSE(is_there(orphan));
  EXPECT_EQ(get("a"), "one");
}

TEST_F(Folder, AnAuditLogOfNoCallsIsWhole) {
  data_.reset();
  const MasterKey master = *MasterKey::load_or_create(master_key_file(folder()));
  const auto verified = verify_audit_log(audit_folder(folder()), master);
  ASSERT_TRUE(verified.has_value()) << verified.error().to_line();
  EXPECT_EQ(verified->records, 0U);
}

TEST_F(Folder, TheAuditLogShowsEveryChange) {
  for (int i = 0; i < 5; ++i) {
    AuditEvent event;
    event.action = "s3:GetObject";
    event.request_id = std::to_string(i);
    ASSERT_TRUE(data_->audit().append(event).has_value());
  }
  reopen();
  ASSERT_TRUE(data_->audit().append({}).has_value());
  data_.reset();
  const MasterKey master = *MasterKey::load_or_create(master_key_file(folder()));
  const auto verify = [&] { return verify_audit_log(audit_folder(folder()), master); };
  EXPECT_EQ(verify()->records, 6U);
  const fs::path file = audit_folder(folder()) / "audit.jsonl";
  const std::string whole = *read_file(file);
  const std::size_t second = whole.find('\n') + 1;
  const std::size_t third = whole.find('\n', second) + 1;
  const std::size_t last = whole.rfind('\n', whole.size() - 2) + 1;
  std::string altered = whole;
  altered[whole.find("GetObject")] = 'P';
  for (const std::string& changed :
       {altered, whole.substr(0, second) + whole.substr(third), whole.substr(0, last), whole.substr(second),
        whole + "{}\n", std::string()}) {
    ASSERT_TRUE(write_file_atomically(file, changed).has_value());
    EXPECT_FALSE(verify().has_value()) << changed.size();
  }
  ASSERT_TRUE(write_file_atomically(file, whole + "{\"number\":7").has_value());  // cut short by a crash
  reopen();
  data_.reset();
  EXPECT_EQ(verify()->records, 6U);
}

TEST_F(Folder, LogsAreReadFromEitherEnd) {
  LogStore& logs = data_->logs();
  ASSERT_TRUE(logs.append("/g", "s", {"one", "two", "three"}).has_value());
  LogQuery query;
  query.limit = 2;
  EXPECT_EQ(logs.events("/g", "s", query)->back().message, "two");
  query.from_end = true;
  EXPECT_EQ(logs.events("/g", "s", query)->front().message, "two");
  EXPECT_EQ(logs.events("/g", "t", query).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(logs.list_streams("/h", "").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace epicrisis::storage
