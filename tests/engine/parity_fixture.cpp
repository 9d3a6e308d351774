#include "engine/parity_fixture.hpp"

#include <algorithm>
#include <cstdlib>
#include <ostream>

#include "base/check.hpp"
#include "base/files.hpp"
#include "engine/kernels/cpu_extensions.hpp"
#include "engine/kernels/targets.hpp"
#include "support/families.hpp"
#include "support/fixtures.hpp"
//
#include <hwy/highway.h>

namespace epicrisis::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWeightFiles[] = {"model.safetensors", "pytorch_model.bin", "pytorch_model.legacy.bin",
                                        "model.safetensors.index.json", "pytorch_model.bin.index.json"};
constexpr std::string_view kSharded = "-sharded";

bool is_weights(std::string_view name) {
  return name.ends_with(".safetensors") || name.ends_with(".bin") || name.ends_with(".index.json");
}

/// Whether `name` is the index of `weights_file`, or one of its shards ("model-00001-of-00002.safetensors").
bool belongs_to(std::string_view name, std::string_view weights_file) {
  if (name == weights_file) return true;
  if (!weights_file.ends_with(".index.json")) return false;
  const std::string_view stem = weights_file.substr(0, weights_file.find('.'));
  return name.starts_with(stem) && name.substr(stem.size()).starts_with("-");
}

void add_cases(std::vector<ParityCase>& cases, const fs::path& folder, const fs::path& whole) {
  for (const char* file : kWeightFiles)
    if (fs::exists(folder / file)) cases.push_back({folder, file, whole});
}

bool is_target_name(std::string_view name) {
  for (int bit = 0; bit <= 62; ++bit)  // the highest is HWY_SCALAR
    if (hwy::TargetName(std::int64_t{1} << bit) == name) return true;
  return false;
}

/// Makes kernels run on the instruction set that EPICRISIS_TEST_TARGET names ("AVX2", "SCALAR"), if any, and
/// without the extensions that come with AVX-512; false where this processor or build has none of that name.
bool use_named_target() {
  const char* name = std::getenv("EPICRISIS_TEST_TARGET");
  if (name == nullptr) return true;
  EPICRISIS_CHECK(is_target_name(name));
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    if (std::string_view(hwy::TargetName(target)) != name) continue;
    hwy::SetSupportedTargetsForTest(target);
    if (target != HWY_AVX3) kernels::limit_cpu_extensions_for_test({});
    return true;
  }
  return false;
}

}  // namespace

std::vector<ParityCase> parity_cases() {
  std::vector<ParityCase> cases;
  for (const fs::path& folder : find_fixtures("", "expected.json")) {
    add_cases(cases, folder, folder);
    fs::path sharded = folder;
    sharded += kSharded;
    add_cases(cases, sharded, folder);
  }
  return cases;
}

std::string parity_case_name(const ParityCase& parity_case) {
  std::string kind = parity_case.weights_file.substr(parity_case.weights_file.find('.') + 1);
  std::replace(kind.begin(), kind.end(), '.', '_');
  return fixture_name(parity_case.folder) + "_" + kind;
}

void PrintTo(const ParityCase& parity_case, std::ostream* out) {
  *out << (parity_case.folder / parity_case.weights_file);
}

Result<Checkpoint> load_parity_checkpoint(const ParityCase& parity_case) {
  EPICRISIS_ASSIGN_OR_RETURN(const TemporaryDirectory folder, TemporaryDirectory::create());
  for (const auto& entry : fs::directory_iterator(parity_case.folder)) {
    std::string name = entry.path().filename().string();
    if (is_weights(name) && !belongs_to(name, parity_case.weights_file)) continue;
    if (name == "pytorch_model.legacy.bin") name = "pytorch_model.bin";
    fs::create_symlink(fs::absolute(entry.path()), folder.path() / name);
  }
  return load_checkpoint(folder.path());
}

void ParityTest::SetUp() {
  static const bool has_target = use_named_target();
  if (!has_target) GTEST_SKIP() << "this processor lacks the instruction set that was asked for";
  const std::string family = family_of(GetParam().folder);
  if (!is_listed_family(family)) GTEST_SKIP() << "unsupported: docs/families.md does not list " << family;
  auto checkpoint = load_parity_checkpoint(GetParam());
  ASSERT_TRUE(checkpoint) << checkpoint.error().to_line();
  config_ = checkpoint->config;
  generation_config_ = checkpoint->generation_config;
  auto engine = Engine::load(*std::move(checkpoint), {.threads = 2});
  ASSERT_TRUE(engine) << engine.error().to_line();
  engine_ = *std::move(engine);
  auto expected = read_json_file(GetParam().whole / "expected.json");
  ASSERT_TRUE(expected) << expected.error().to_line();
  expected_ = *std::move(expected);
}

}  // namespace epicrisis::testing
