#include "checkpoint/inspection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/files.hpp"
#include "base/folders.hpp"
#include "checkpoint/architecture_json.hpp"
#include "checkpoint/checkpoint.hpp"
#include "checkpoint/detail/inspect_tensors.hpp"
#include "checkpoint/detail/inspect_tokenizer.hpp"
#include "checkpoint/detail/printable.hpp"
#include "checkpoint/families/family.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

/// Settings of generation that config.json may hold; generation_config.json goes before it.
constexpr std::array<std::string_view, 20> kGenerationSettings = {"bad_words_ids",
                                                                  "begin_suppress_tokens",
                                                                  "do_sample",
                                                                  "early_stopping",
                                                                  "encoder_no_repeat_ngram_size",
                                                                  "forced_bos_token_id",
                                                                  "forced_eos_token_id",
                                                                  "length_penalty",
                                                                  "max_length",
                                                                  "min_length",
                                                                  "no_repeat_ngram_size",
                                                                  "num_beam_groups",
                                                                  "num_beams",
                                                                  "num_return_sequences",
                                                                  "repetition_penalty",
                                                                  "suppress_tokens",
                                                                  "temperature",
                                                                  "top_k",
                                                                  "top_p",
                                                                  "typical_p"};

class Inspector {
 public:
  explicit Inspector(const fs::path& folder) : folder_(folder) {}

  Result<ModelInspection> run() {
    EPICRISIS_ASSIGN_OR_RETURN(config_, read_json_file(folder_ / "config.json"));
    if (!config_.is_object()) {
      return Error{ErrorCode::kCorrupt,
                   fmt::format("'{}' must hold a JSON object.", (folder_ / "config.json").string()), ""};
    }
    list_files();
    inspect_config();
    inspect_weights();
    inspect_tokenizer();
    inspect_generation();
    return std::move(result_);
  }

 private:
  void problem(std::string line) { result_.findings.problems.push_back(std::move(line)); }
  void remark(std::string line) { result_.findings.remarks.push_back(std::move(line)); }

  void list_files() {
    std::error_code failed;
    for (fs::directory_iterator entry(folder_, failed), end; !failed && entry != end;
         entry.increment(failed)) {
      std::error_code ignored;
      if (!entry->is_regular_file(ignored)) continue;
      result_.files.push_back(
          {detail::printable(entry->path().filename().string()), entry->file_size(ignored)});
    }
    if (failed) problem(fmt::format("the folder cannot be listed: {}", failed.message()));
    std::sort(result_.files.begin(), result_.files.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
  }

  void inspect_config() {
    if (const auto type = config_.find("model_type"); type != config_.end() && type->is_string()) {
      result_.family = detail::printable(type->get_ref<const std::string&>());
    }
    const auto classes = config_.find("architectures");
    if (classes != config_.end() && classes->is_array() && !classes->empty() &&
        classes->front().is_string()) {
      result_.model_class = detail::printable(classes->front().get_ref<const std::string&>());
      const std::string_view name = result_.model_class;
      const bool generates = name.ends_with("ForConditionalGeneration") || name.ends_with("LMHeadModel") ||
                             name.ends_with("ForCausalLM");
      if (!generates) remark(fmt::format("'architectures' names {}, a class that writes no text", name));
    }
    family_ = find_family(result_.family);
    if (family_ == nullptr) {
      problem(
          fmt::format("config.json: 'model_type' is '{}'; known are: {}", result_.family, known_families()));
      return;
    }
    for (const Error& error : unsupported_options(config_, *family_)) problem(error.to_line());
    Result<Architecture> architecture = family_->read_architecture(config_);
    if (!architecture) return problem(architecture.error().to_line());
    result_.memory = detail::estimate_memory(*family_, *architecture);
    result_.architecture = std::move(architecture).value();
  }

  void inspect_weights() {
    const Result<WeightFiles> files = find_weight_files(folder_);
    if (!files) return problem(files.error().to_line());
    Result<std::vector<std::string>> names = list_weight_files(*files);
    if (!names) return problem(names.error().to_line());
    result_.weight_files = std::move(names).value();
    for (const std::string_view other :
         {"model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"}) {
      if (files->path.filename() < other && is_there(folder_ / other)) {
        remark(fmt::format("'{}' is not read: '{}' goes before it", other, files->path.filename().string()));
      }
    }
    const Result<Weights> weights = read_weight_files(*files);
    if (!weights) return problem(weights.error().to_line());
    if (!result_.architecture) return;
    result_.tensors = detail::inspect_tensors(*weights, *family_, *result_.architecture, result_.findings);
    compare_dtype();
  }

  void compare_dtype() {
    constexpr std::array<std::pair<std::string_view, DType>, 3> kNames = {
        {{"float32", DType::kFloat32}, {"float16", DType::kFloat16}, {"bfloat16", DType::kBFloat16}}};
    const auto dtype = config_.find("torch_dtype");
    if (dtype == config_.end() || !dtype->is_string()) return;
    for (const auto& [name, type] : kNames) {
      if (dtype->get_ref<const std::string&>() != name || result_.tensors->stored.contains(type)) continue;
      remark(fmt::format("config.json says 'torch_dtype' {}, but no tensor is {}", name, to_string(type)));
    }
  }

  void inspect_tokenizer() {
    if (!is_there(folder_ / "tokenizer.json")) {
      const bool has_other = is_there(folder_ / "spiece.model") ||
                             is_there(folder_ / "sentencepiece.bpe.model") ||
                             (is_there(folder_ / "vocab.json") && is_there(folder_ / "merges.txt"));
      if (has_other) return remark("tokenizer.json is absent; the tokenizer is made from the older files");
      return problem("no tokenizer: neither tokenizer.json, spiece.model nor vocab.json with merges.txt");
    }
    const Result<Json> tokenizer = read_json_file(folder_ / "tokenizer.json");
    if (!tokenizer) return problem(tokenizer.error().to_line());
    if (!tokenizer->is_object()) return problem("tokenizer.json must hold a JSON object");
    result_.tokenizer = detail::inspect_tokenizer(*tokenizer, result_.findings);
    if (!result_.architecture) return;
    const std::uint64_t tokens = result_.tokenizer->vocabulary;
    const auto rows = static_cast<std::uint64_t>(result_.architecture->vocab_size);
    if (tokens > rows) {
      problem(fmt::format("tokenizer.json has {} tokens, but the model only {} embeddings", tokens, rows));
    } else if (tokens < rows) {
      remark(fmt::format("the model has {} embeddings for {} tokens; the last {} have no text", rows, tokens,
                         rows - tokens));
    }
  }

  void inspect_generation() {
    const fs::path path = folder_ / "generation_config.json";
    if (is_there(path)) {
      Result<Json> settings = read_json_file(path);
      if (!settings) return problem(settings.error().to_line());
      if (!settings->is_object()) return problem("generation_config.json must hold a JSON object");
      result_.generation = std::move(settings).value();
    } else {
      remark("generation_config.json is absent; the settings of config.json hold");
      for (const std::string_view key : kGenerationSettings) {
        if (const auto found = config_.find(key); found != config_.end() && !found->is_null()) {
          result_.generation[std::string(key)] = *found;
        }
      }
    }
    if (const auto tasks = config_.find("task_specific_params");
        tasks != config_.end() && tasks->is_object()) {
      result_.generation["task_specific_params"] = *tasks;
    }
  }

  const fs::path& folder_;
  Json config_;
  const Family* family_ = nullptr;
  ModelInspection result_;
};

OrderedJson tensors_json(const ModelInspection& inspection) {
  if (!inspection.tensors) return nullptr;
  OrderedJson stored = OrderedJson::object();
  for (const auto& [dtype, counts] : inspection.tensors->stored) {
    stored[std::string(to_string(dtype))] = {{"tensors", counts.tensors}, {"bytes", counts.bytes}};
  }
  return {{"total", inspection.tensors->parameters},
          {"parts", inspection.tensors->parameters_by_part},
          {"stored", std::move(stored)}};
}

OrderedJson memory_json(const std::optional<MemoryEstimate>& memory) {
  if (!memory) return nullptr;
  return {{"weights",
           {{"fp32", memory->float32_bytes}, {"bf16", memory->bfloat16_bytes}, {"int8", memory->int8_bytes}}},
          {"kv_cache_1000_tokens",
           {{"self_attention", memory->self_attention_cache_bytes},
            {"cross_attention", memory->cross_attention_cache_bytes}}}};
}

OrderedJson tokenizer_json(const std::optional<TokenizerInspection>& tokenizer) {
  if (!tokenizer) return nullptr;
  return {{"model", tokenizer->model},
          {"normalizers", tokenizer->normalizers},
          {"pre_tokenizers", tokenizer->pre_tokenizers},
          {"post_processors", tokenizer->post_processors},
          {"decoders", tokenizer->decoders},
          {"vocabulary", tokenizer->vocabulary},
          {"merges", tokenizer->merges},
          {"added_tokens", tokenizer->added_tokens},
          {"special_tokens", tokenizer->special_tokens}};
}

}  // namespace

Result<ModelInspection> inspect_model(const fs::path& folder) { return Inspector(folder).run(); }

OrderedJson to_json(const ModelInspection& inspection) {
  OrderedJson files = OrderedJson::array();
  for (const auto& file : inspection.files) files.push_back({{"name", file.name}, {"bytes", file.bytes}});
  OrderedJson json;
  json["family"] = inspection.family;
  json["class"] = inspection.model_class;
  json["architecture"] = nullptr;
  if (inspection.architecture) json["architecture"] = to_json(*inspection.architecture);
  json["parameters"] = tensors_json(inspection);
  json["memory_bytes"] = memory_json(inspection.memory);
  json["tokenizer"] = tokenizer_json(inspection.tokenizer);
  json["generation"] = inspection.generation;
  json["files"] = std::move(files);
  json["weight_files"] = inspection.weight_files;
  json["problems"] = inspection.findings.problems;
  json["remarks"] = inspection.findings.remarks;
  return json;
}

}  // namespace epicrisis
