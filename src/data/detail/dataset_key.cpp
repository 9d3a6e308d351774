#include "data/detail/dataset_key.hpp"

#include <fmt/format.h>

#include "base/files.hpp"
#include "base/folders.hpp"
#include "base/sha256.hpp"

namespace epicrisis::data {

Result<std::string> tokenizer_sha256(const std::filesystem::path& folder) {
  Sha256 all;
  bool any = false;
  for (const char* name : {"added_tokens.json", "merges.txt", "special_tokens_map.json", "spiece.model",
                           "sentencepiece.bpe.model", "tokenizer.json", "tokenizer.model",
                           "tokenizer_config.json", "vocab.json", "vocab.txt"}) {
    if (!is_there(folder / name)) continue;
    EPICRISIS_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::open(folder / name));
    all.update(fmt::format("{}  {}\n", Sha256().update(file.bytes()).hex(), name));
    any = true;
  }
  if (any) return all.hex();
  return Error{ErrorCode::kNotFound, fmt::format("'{}' holds no tokenizer.", folder.string()), ""};
}

}  // namespace epicrisis::data

namespace epicrisis::data::detail {

Result<std::vector<std::string>> file_hashes(const std::vector<DataFile>& files) {
  std::vector<std::string> hashes;
  for (const DataFile& file : files) {
    EPICRISIS_ASSIGN_OR_RETURN(const MappedFile mapped, MappedFile::open(file.path));
    hashes.push_back(Sha256().update(mapped.bytes()).hex());
  }
  return hashes;
}

namespace {

Json described(const std::vector<DataFile>& files, const std::vector<std::string>& hashes) {
  Json list = Json::array();
  for (std::size_t i = 0; i < files.size(); ++i)
    list.push_back({{"name", files[i].name}, {"sha256", hashes[i]}});
  return list;
}

}  // namespace

Json settings_of(const DataRequest& request, const std::vector<std::string>& train_hashes,
                 const std::vector<std::string>& validation_hashes) {
  const auto& end = request.format.continuation_end;
  return {{"format", kPreparedFormat},
          {"train_files", described(request.train_files, train_hashes)},
          {"validation_files", described(request.validation_files, validation_hashes)},
          {"note_column", request.columns.note_column},
          {"summary_column", request.columns.summary_column},
          {"validation_percentage", request.validation_percentage},
          {"split_seed", request.validation_percentage > 0 ? request.split_seed : 0},
          {"max_train_rows", request.max_train_rows},
          {"max_validation_rows", request.max_validation_rows},
          {"max_source_tokens", request.limits.max_source_tokens},
          {"max_target_tokens", request.limits.max_target_tokens},
          {"prompt_before", request.format.prompt.before},
          {"prompt_after", request.format.prompt.after},
          {"continuation_end", end ? Json(*end) : Json(nullptr)},
          {"tokenizer_sha256", request.tokenizer_sha256}};
}

std::string key_of(const Json& settings) {
  // Names of files need not be UTF-8.
  return Sha256().update(settings.dump(-1, ' ', false, Json::error_handler_t::replace)).hex();
}

}  // namespace epicrisis::data::detail
